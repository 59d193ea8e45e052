import Domain
import Protocol

/// One sequence as the core keeps it.
///
/// ```
/// pausing --retryAt--> submitted --accepted--> running --lost--> pausing
/// ```
struct SequenceRecord: Sendable {
    /// Where it is.
    enum State: Sendable, Hashable {
        /// Handed to the scheduler, not routed yet.
        case submitted
        /// Routed.
        case running
        /// Lost; waits to be submitted again.
        case pausing
    }

    /// The sequence.
    let id: RequestID
    /// Its tokens and text.
    private(set) var stream: SequenceStream
    /// Its id on the wire.
    private(set) var wire: RequestID
    /// Number of the last submission.
    private(set) var submission = 0
    /// Where it is.
    private(set) var state = State.pausing
    /// Its course.
    private(set) var times: SequenceTimes
    /// When it was last submitted.
    private(set) var submittedAt: Double
    /// When it was last accepted or got a token.
    private(set) var lastProgress: Double
    /// Since when it is lost without a token in between.
    private(set) var lostSince: Double?
    /// When it is submitted again.
    private(set) var retryAt = 0.0
    private var failures = 0
    /// Why it was lost last.
    private(set) var lastError: Fault?

    /// Makes the record of a sequence that has not been submitted.
    init(id: RequestID, stream: SequenceStream, openedAt now: Double) {
        self.id = id
        self.stream = stream
        wire = id
        times = SequenceTimes(opened: now, promptTokens: stream.demand.prompt.count)
        submittedAt = now
        lastProgress = now
    }

    /// Whether it has been routed or continued before, so that a refusal is not the first answer to the client.
    var wasLost: Bool { lostSince != nil || times.accepted != nil }

    /// Notes that it is handed over, and what is.
    mutating func submitted(at now: Double) -> Submission {
        submission += 1
        state = .submitted
        submittedAt = now
        var sampling = stream.demand.sampling
        // They have been told with the first token.
        if !stream.emitted.isEmpty { sampling.promptScores = nil }
        return Submission(
            id: wire, number: submission, tokens: stream.continuation, generatedTokens: stream.emitted.count,
            sampling: sampling, stop: stream.demand.stop,
            cacheSalt: stream.demand.cacheSalt, constraint: stream.demand.constraint)
    }

    /// Notes the route.
    mutating func accepted(_ body: RequestAccepted, at now: Double) {
        if times.accepted == nil { times.queueMilliseconds = body.queueMilliseconds }
        times.accepted = now
        times.plan = body.plan
        times.prefillReplica = body.route.prefillReplica ?? body.route.decodeReplica
        times.decodeReplica = body.route.decodeReplica
        state = .running
        lastProgress = now
    }

    /// Notes that it goes on in another replica.
    mutating func moved(_ body: RequestMoved) {
        times.plan = body.plan
        times.decodeReplica = body.route.decodeReplica
        times.moves += 1
    }

    /// Notes a moment that a stage reported. A sequence that was continued keeps its first moments, but its KV cache counts
    /// where it was completed last.
    mutating func note(_ moment: RequestEvent.Moment, at now: Double) {
        switch moment {
        case .prefillStarted: times.prefillStarted = times.prefillStarted ?? now
        case .kvComplete: times.kvComplete = now
        case .decodeStarted: times.decodeStarted = times.decodeStarted ?? now
        case .prefillFinished, .finished, .failed: break
        }
    }

    /// Notes how many tokens of the prompt were in the KV cache when it was computed first.
    mutating func noteCached(_ tokens: Int, _ metrics: GatewayMetrics) {
        guard times.cachedTokens == nil else { return }
        let cached = max(0, min(tokens, times.promptTokens))
        times.cachedTokens = cached
        metrics.searchedPrefix(tokens: times.promptTokens, found: cached)
    }

    /// Notes that `tokens` came of a step for which `guessed` were guessed.
    mutating func noteGuesses(_ guessed: Int, tokens: Int, _ metrics: GatewayMetrics) {
        guard (1...1 << 20).contains(guessed) else { return }
        let accepted = max(0, min(tokens - 1, guessed))
        times.guessedTokens += guessed
        times.acceptedTokens += accepted
        metrics.guessed(tokens: guessed, accepted: accepted)
    }

    /// Takes tokens.
    mutating func receive(
        _ tokens: [Int32], at index: Int, finishReason: FinishReason?, scores: [TokenLikelihood] = [], now: Double,
        _ metrics: GatewayMetrics
    ) -> [SequenceStream.Outcome] {
        let before = stream.emitted.count
        let outcomes = stream.receive(tokens, at: index, finishReason: finishReason, scores: scores)
        let count = stream.emitted.count - before
        guard count > 0 else { return outcomes }
        if let last = times.lastToken {
            metrics.tokenGap(seconds: now - last, tokens: count)
        } else {
            metrics.firstToken(seconds: now - times.opened)
            times.firstToken = now
        }
        metrics.generated(tokens: count)
        // Tokens may arrive before the scheduler's answer.
        state = .running
        times.lastToken = now
        times.outputTokens = stream.emitted.count
        lastProgress = now
        lostSince = nil
        failures = 0
        return outcomes
    }

    /// Takes scores of the prompt.
    mutating func receivePrompt(_ scores: [TokenLikelihood], at start: Int) {
        stream.receivePrompt(scores, at: start)
    }

    /// Prepares a continuation; `false` where it has been tried too often or for too long.
    mutating func lose(_ error: Fault, at now: Double, _ limits: GatewayLimits) -> Bool {
        if error.code == Fault.preemptedCode {
            // Nothing failed: it waits for memory like a request that has just come.
            times.preemptions += 1
            resubmit(at: now)
            return true
        }
        lastError = error
        let since = lostSince ?? now
        lostSince = since
        guard times.continuations < limits.continuations || failures > 0, now - since <= limits.continuation else {
            return false
        }
        if failures == 0 {
            times.continuations += 1
            if stream.emitted.isEmpty { times.restarts += 1 }
        }
        // Half a second, doubling up to four; the first time at once, because another replica may be free.
        let pause = failures == 0 ? 0 : min(4, 0.25 * Double(1 << min(failures, 4)))
        failures += 1
        resubmit(at: now + pause)
        return true
    }

    private mutating func resubmit(at time: Double) {
        retryAt = time
        state = .pausing
        times.kvComplete = nil
        wire = RequestID("\(id)~\(submission + 1)")
    }
}
