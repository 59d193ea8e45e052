import Domain
import Protocol

/// Limits of the core; times in seconds.
struct GatewayLimits: Sendable, Hashable {
    /// Most sequences at a time.
    var sequences = 256
    /// How long a lost sequence is submitted again before it fails.
    var continuation = 60.0
    /// Most continuations of one sequence.
    var continuations = 16
    /// Without a token for this long an accepted sequence counts as lost.
    var stall = 120.0
    /// How long a submission waits for a scheduler that is silent.
    var schedulerSilence = 15.0
    /// Time between heartbeats.
    var heartbeat = 1.0
}

/// The gateway's decisions: which sequence is submitted, continued, cancelled, failed. Events in, instructions out.
struct GatewayCore: Sendable {
    /// What is known about the scheduler.
    private(set) var scheduler: SchedulerView
    private let limits: GatewayLimits
    private let metrics: GatewayMetrics
    private var records: [RequestID: SequenceRecord] = [:]
    private var wireIDs: [RequestID: RequestID] = [:]
    private var nextHeartbeat = -Double.infinity
    private var isStopping = false
    private var ended = EndedCourses()

    /// Makes a core without sequences.
    init(model: ModelDigest, limits: GatewayLimits = GatewayLimits(), metrics: GatewayMetrics) {
        scheduler = SchedulerView(model: model)
        self.limits = limits
        self.metrics = metrics
    }

    /// Sequences that have not ended.
    var count: Int { records.count }

    /// The courses of all sequences that run or wait, and of the last ones that ended.
    var courses: [RequestCourse] {
        ended.courses
            + records.values.map { record in
                let state: RequestCourse.State =
                    switch record.state {
                    case .submitted: .waiting
                    case .running: .running
                    case .pausing: .lost
                    }
                return RequestCourse(id: record.id, state: state, times: record.times)
            }
    }

    /// Takes an event and says what is to be done.
    mutating func handle(_ event: GatewayEvent, at now: Double) -> [GatewayInstruction] {
        switch event {
        case .opened(let streams): return open(streams, at: now)
        case .abandoned(let id):
            guard let record = remove(id) else { return [] }
            finished(record, .abort, at: now)
            return [.cancel(record.wire)]
        case .cancelled(let id):
            return fail(id, .cancelledByHand, cancel: true, reason: .abort, at: now)
        case .accepted(let wire, let submission, let body):
            return accepted(wire, submission, body, at: now)
        case .refused(let wire, let submission, let error):
            return refused(wire, submission, error, at: now)
        case .tokens(let wire, let index, let tokens, let reason, let cached, let guessed, let scores):
            if let guessed, let id = wireIDs[wire] { records[id]?.noteGuesses(guessed, tokens: tokens.count, metrics) }
            return received(wire, index: index, tokens, reason, cached: cached, scores: scores, at: now)
        case .promptScored(let wire, let start, let scores):
            if let id = wireIDs[wire] { records[id]?.receivePrompt(scores, at: start) }
            return []
        case .lost(let wire, let error):
            guard let id = wireIDs[wire] else { return [] }
            return lose(id, error, at: now)
        case .moved(let wire, let body):
            if let id = wireIDs[wire] { records[id]?.moved(body) }
            return []
        case .moment(let wire, let kind):
            if let id = wireIDs[wire] { records[id]?.note(kind, at: now) }
            return []
        case .schedulerState(let state, let session):
            return heard(session, state, at: now)
        case .schedulerHeard(let session):
            return heard(session, nil, at: now)
        case .tick: return tick(at: now)
        case .stopping:
            isStopping = true
            let error = Fault("stopping", "the server is shutting down", isRetriable: true)
            return records.keys.sorted().flatMap { fail($0, error, cancel: true, at: now) }
        }
    }

    private mutating func open(_ streams: [RequestID: SequenceStream], at now: Double) -> [GatewayInstruction] {
        let ids = streams.keys.sorted()
        var obstacle = scheduler.obstacle(at: now).map { Fault("unavailable", $0, isRetriable: true) }
        if isStopping {
            obstacle = Fault("stopping", "the server is shutting down", isRetriable: true)
        } else if obstacle == nil, records.count + ids.count > limits.sequences {
            obstacle = Fault("overloaded", "\(records.count) requests are running or waiting", isRetriable: true)
        }
        if let obstacle {
            metrics.rejected(obstacle.code)
            return ids.map { .deliver($0, .failed(obstacle)) }
        }
        return ids.flatMap { id -> [GatewayInstruction] in
            guard let stream = streams[id] else { return [] }
            let record = SequenceRecord(id: id, stream: stream, openedAt: now)
            metrics.opened(record.times)
            return submit(record, at: now)
        }
    }

    private mutating func accepted(
        _ wire: RequestID, _ submission: Int, _ body: RequestAccepted, at now: Double
    ) -> [GatewayInstruction] {
        guard let id = wireIDs[wire], var record = records[id], record.submission == submission else { return [] }
        let isFirst = record.times.accepted == nil
        record.accepted(body, at: now)
        records[id] = record
        if isFirst { metrics.queued(seconds: body.queueMilliseconds / 1000) }
        return isFirst ? [.deliver(id, .accepted(plan: body.plan))] : []
    }

    private mutating func refused(
        _ wire: RequestID, _ submission: Int, _ error: Fault, at now: Double
    ) -> [GatewayInstruction] {
        guard let id = wireIDs[wire], let record = records[id], record.submission == submission,
            record.state == .submitted
        else { return [] }
        if !record.wasLost {
            metrics.rejected(error.code)
            // Where the scheduler did not answer it may still have the submission.
            return fail(id, error, cancel: error.code == "timed_out", at: now)
        }
        return lose(id, error, at: now)
    }

    private mutating func received(
        _ wire: RequestID, index: Int, _ tokens: [Int32], _ reason: FinishReason?, cached: Int?,
        scores: [TokenLikelihood], at now: Double
    ) -> [GatewayInstruction] {
        guard let id = wireIDs[wire], var record = records[id] else { return [] }
        // A worker that ends a sequence with a fault has not finished it.
        let isFault = reason == .error || reason == .abort
        if let cached { record.noteCached(cached, metrics) }
        let outcomes = record.receive(
            tokens, at: index, finishReason: isFault ? nil : reason, scores: scores, now: now, metrics)
        records[id] = record
        var instructions: [GatewayInstruction] = []
        for outcome in outcomes {
            switch outcome {
            case .text(let text, let count, let scored):
                instructions.append(.deliver(id, .text(text, tokens: count, scored: scored)))
            case .prompt(let scored): instructions.append(.deliver(id, .prompt(scored)))
            case .gap(let expected, let received):
                let message = "token \(received) came where token \(expected) was due"
                return instructions + lose(id, Fault("gap", message, isRetriable: true), at: now)
            case .ended(let reason, let stop):
                instructions.append(.deliver(id, .ended(reason, stop: stop, record.times)))
                finished(record, reason, at: now)
                _ = remove(id)
                // The workers go on until they are told, unless it was they who ended the sequence.
                if case .string = stop { instructions.append(.cancel(record.wire)) }
                return instructions
            }
        }
        if isFault {
            let error = Fault("worker_fault", "a worker could not go on", isRetriable: true)
            instructions += lose(id, error, at: now)
        }
        return instructions
    }

    /// Continues a sequence elsewhere, after a pause that grows while it fails without progress.
    private mutating func lose(_ id: RequestID, _ error: Fault, at now: Double) -> [GatewayInstruction] {
        guard var record = records[id] else { return [] }
        // The scheduler cancels what it believes nobody waits for; here somebody does.
        guard error.isRetriable || error.code == "cancelled" else { return fail(id, error, cancel: false, at: now) }
        let old = record.wire
        guard record.lose(error, at: now, limits) else { return fail(id, error, cancel: true, at: now) }
        wireIDs[old] = nil
        records[id] = record
        return [.cancel(old)] + (record.retryAt <= now ? submit(record, at: now) : [])
    }

    private mutating func submit(_ record: SequenceRecord, at now: Double) -> [GatewayInstruction] {
        var record = record
        let submission = record.submitted(at: now)
        records[record.id] = record
        wireIDs[record.wire] = record.id
        return [.submit(submission)]
    }

    private mutating func fail(
        _ id: RequestID, _ error: Fault, cancel: Bool, reason: FinishReason = .error, at now: Double
    ) -> [GatewayInstruction] {
        guard let record = remove(id) else { return [] }
        finished(record, reason, error, at: now)
        return [.deliver(id, .failed(error))] + (cancel ? [.cancel(record.wire)] : [])
    }

    private mutating func finished(
        _ record: SequenceRecord, _ reason: FinishReason, _ error: Fault? = nil, at now: Double
    ) {
        metrics.finished(record.times, reason: reason, at: now)
        ended.append(
            RequestCourse(
                id: record.id, state: .ended(reason, at: now), times: record.times, problem: error?.message))
    }

    private mutating func remove(_ id: RequestID) -> SequenceRecord? {
        guard let record = records.removeValue(forKey: id) else { return nil }
        wireIDs[record.wire] = nil
        return record
    }

    private mutating func heard(_ session: String, _ state: SchedulerState?, at now: Double) -> [GatewayInstruction] {
        guard scheduler.heard(session: session, state: state, at: now) else { return [] }
        // The new process knows no submissions; those that were routed are known to the workers.
        nextHeartbeat = now
        return records.values.filter { $0.state == .submitted }.sorted { $0.id < $1.id }.flatMap {
            submit($0, at: now)
        }
    }

    private mutating func tick(at now: Double) -> [GatewayInstruction] {
        var instructions: [GatewayInstruction] = []
        for record in records.values.sorted(by: { $0.id < $1.id }) {
            let unreachable = Fault("unavailable", "the scheduler is not reachable", isRetriable: true)
            switch record.state {
            case .pausing:
                if record.retryAt <= now { instructions += submit(record, at: now) }
            case .submitted:
                let silent = min(scheduler.silence(at: now), now - record.submittedAt) > limits.schedulerSilence
                let expired = record.lostSince.map { now - $0 > limits.continuation } ?? silent
                // A continuation that takes too long fails for what made it necessary, unless the scheduler is away.
                let reason = silent ? unreachable : record.lastError ?? unreachable
                if expired { instructions += fail(record.id, reason, cancel: true, at: now) }
            case .running:
                if now - record.lastProgress > limits.stall {
                    let error = Fault("stalled", "no token came in time", isRetriable: true)
                    instructions += lose(record.id, error, at: now)
                }
            }
        }
        if now >= nextHeartbeat {
            // Ticks may come as far apart as heartbeats, a little sooner or later.
            nextHeartbeat = now + 0.9 * limits.heartbeat
            instructions.append(.heartbeat(wireIDs.keys.sorted()))
        }
        metrics.running(
            records.values.count { $0.state == .running }, waiting: records.values.count { $0.state != .running })
        return instructions
    }
}
