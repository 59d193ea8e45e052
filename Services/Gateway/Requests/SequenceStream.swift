import Domain

/// What one sequence is asked to be: fixed when the request is checked.
struct SequenceDemand: Sendable, Hashable {
    /// Prompt tokens.
    var prompt: [Int32]
    /// How tokens are chosen.
    var sampling: SamplingParameters
    /// When the workers end it.
    var stop: StopConditions
    /// Texts that end it.
    var stopStrings: [String] = []
    /// Whether a stop string stays in the text.
    var includesStopString = false
    /// Only requests with the same salt share KV cache.
    var cacheSalt: String?
    /// What the output must follow.
    var constraint: SamplingConstraint?
    /// Whether only the prompt's log probabilities are wanted: its one token is not shown.
    var hidesOutput = false
}

/// The gateway's side of one sequence: tokens in, text out.
///
/// ```
/// waiting --tokens--> streaming --stop string, finish reason--> ended
///     \______lost, gap: continued with prompt and emitted tokens______/
/// ```
struct SequenceStream: Sendable {
    /// What tokens led to.
    enum Outcome: Sendable, Hashable {
        /// Text to show (it may be empty) for so many new tokens; those of them that are shown, where their log probabilities are
        /// asked for.
        case text(String, tokens: Int, scored: [ScoredToken] = [])
        /// How likely the tokens of the prompt are; once, before any text.
        case prompt([ScoredToken])
        /// The sequence has ended; `stop` is the string or token that ended it.
        case ended(FinishReason, stop: StopCause?)
        /// Tokens are missing: the sequence must be continued from what has been received.
        case gap(expected: Int, received: Int)
    }

    /// What ended a sequence before its length did.
    enum StopCause: Sendable, Hashable {
        case string(String)
        case token(Int32)
    }

    /// What was asked.
    let demand: SequenceDemand
    /// Tokens received so far, hidden ones included.
    private(set) var emitted: [Int32] = []
    /// Whether nothing can follow.
    private(set) var hasEnded = false

    /// By position in the prompt, until they are told.
    private var promptScores: [Int: TokenLikelihood] = [:]
    private var text: any TokenText
    private var filter: StopStringFilter

    /// Starts a stream.
    init(_ demand: SequenceDemand, text: any TokenText) {
        self.demand = demand
        self.text = text
        filter = StopStringFilter(stops: demand.stopStrings, includesStop: demand.includesStopString)
    }

    /// Takes tokens whose first one is number `index` of the output. Tokens that are here already are dropped: after a
    /// continuation both the old and the new route may deliver them, and they are the same.
    ///
    /// - Parameter scores: as many as tokens, where they are asked for.
    mutating func receive(
        _ tokens: [Int32], at index: Int, finishReason: FinishReason?, scores: [TokenLikelihood] = []
    ) -> [Outcome] {
        guard !hasEnded else { return [] }
        let isScored = demand.sampling.topScores != nil
        // Without its scores a token has not come.
        guard index <= emitted.count, !isScored || scores.count == tokens.count else {
            return [.gap(expected: emitted.count, received: index)]
        }
        guard index >= 0, index + tokens.count >= emitted.count else { return [] }
        var told: [Outcome] = []
        if emitted.isEmpty, !tokens.isEmpty, demand.sampling.promptScores != nil {
            guard let prompt = scoredPrompt() else { return [.gap(expected: 0, received: index)] }
            told = [.prompt(prompt)]
        }
        return told + output(tokens, at: index, finishReason, isScored ? scores : [])
    }

    /// Takes scores of the prompt from a position on; they may come again after a continuation.
    mutating func receivePrompt(_ scores: [TokenLikelihood], at start: Int) {
        guard demand.sampling.promptScores != nil, emitted.isEmpty, start >= 1,
            start <= demand.prompt.count, scores.count <= demand.prompt.count - start
        else { return }
        for (offset, score) in scores.enumerated() { promptScores[start + offset] = score }
    }

    /// The tokens of the prompt with their scores; `nil` where some are missing.
    private mutating func scoredPrompt() -> [ScoredToken]? {
        guard promptScores.count == demand.prompt.count - 1 else { return nil }
        defer { promptScores = [:] }
        return demand.prompt.indices.map { ScoredToken(token: demand.prompt[$0], likelihood: promptScores[$0]) }
    }

    private mutating func output(
        _ tokens: [Int32], at index: Int, _ finishReason: FinishReason?, _ scores: [TokenLikelihood]
    ) -> [Outcome] {
        if demand.hidesOutput, !tokens.isEmpty {
            emitted += tokens
            return [end(.length, nil)]
        }
        var scored: [ScoredToken] = []
        var shown = ""
        var count = 0
        for (offset, token) in tokens.enumerated().dropFirst(emitted.count - index) {
            emitted.append(token)
            count += 1
            let isStop = demand.stop.stopTokens.contains(token)
            if isStop, emitted.count >= demand.stop.minTokens {
                return [.text(shown + rest(), tokens: count, scored: scored), end(.stop, .token(token))]
            }
            if scores.indices.contains(offset) {
                scored.append(ScoredToken(token: token, likelihood: scores[offset]))
            }
            let output = filter.append(text.append(token), watching: emitted.count >= demand.stop.minTokens)
            shown += output.text
            if let matched = output.matched {
                return [.text(shown, tokens: count, scored: scored), end(.stop, .string(matched))]
            }
            if emitted.count >= demand.stop.maxTokens {
                return [.text(shown + rest(), tokens: count, scored: scored), end(.length, nil)]
            }
        }
        if let finishReason {
            return [.text(shown + rest(), tokens: count, scored: scored), end(finishReason, nil)]
        }
        return count > 0 ? [.text(shown, tokens: count, scored: scored)] : []
    }

    /// Prompt and output so far, from which another replica continues with the same text.
    var continuation: [Int32] { demand.prompt + emitted }

    private mutating func rest() -> String {
        let last = filter.append(text.finish(), watching: false)
        return last.text + filter.flush()
    }

    private mutating func end(_ reason: FinishReason, _ stop: StopCause?) -> Outcome {
        hasEnded = true
        return .ended(reason, stop: stop)
    }
}
