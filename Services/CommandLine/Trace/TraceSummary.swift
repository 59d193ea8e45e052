import Domain
import Protocol

/// Where the time of a request went.
struct TraceSummary: Sendable, Encodable {
    /// A part of the time between two tokens.
    struct Part: Sendable, Hashable, Encodable {
        /// What it is.
        var name: String
        /// Values that there are.
        var count: Int
        /// In milliseconds.
        var mean: Double
        var median: Double
        var p99: Double
        /// Of the time between two steps; absent where it lies beside that.
        var share: Double?

        enum CodingKeys: String, CodingKey {
            case name, count, share
            case mean = "mean_ms"
            case median = "p50_ms"
            case p99 = "p99_ms"
        }
    }

    /// What a stage did between its first and its last step of the request.
    struct Stage: Sendable, Hashable, Encodable {
        /// The process.
        var process: String
        /// Replica and index.
        var stage: String
        /// From the first step to the end of the last one, in milliseconds.
        var milliseconds: Double
        /// Steps with the request.
        var steps: Int
        /// Sequences in them, on average.
        var together: Double
        /// Shares of the time: steps of the request, of others only, no step (the bubble).
        var own: Double
        var others: Double
        var bubble: Double
        /// Who the others were, with their shares, the largest first.
        var by: [String: Double]

        enum CodingKeys: String, CodingKey {
            case process, stage, steps, together, own, others, bubble, by
            case milliseconds = "ms"
        }
    }

    /// From the request's arrival, in milliseconds; absent where somebody does not remember.
    var queued: Double?
    var firstToken: Double?
    var end: Double?
    /// Sequences that are meant.
    var sequences: Int
    /// Tokens that came to the gateway.
    var tokens: Int
    /// Between two decode steps on the first stage, and its parts.
    var parts: [Part]
    /// What the stages did.
    var stages: [Stage]

    enum CodingKeys: String, CodingKey {
        case sequences, tokens, parts, stages
        case queued = "queue_ms"
        case firstToken = "first_token_ms"
        case end = "end_ms"
    }

    /// Reads a trace.
    init(_ trace: RequestTrace) {
        let own = trace.own
        func first(_ kind: TraceMoment.Kind) -> Int? { own.first { $0.moment.kind == kind }?.moment.atMicroseconds }
        let begin = first(.received)
        func since(_ moment: Int?) -> Double? {
            begin.flatMap { begin in moment.map { Double($0 - begin) / 1000 } }
        }
        sequences = Set(own.map(\.moment.request)).count
        // Of many requests the first moments of each kind belong to different ones.
        guard trace.name != nil else {
            tokens = Self.tokens(own)
            parts = Self.parts(trace)
            stages = Self.stages(trace)
            return
        }
        queued = first(.submitted).flatMap { submitted in first(.routed).map { Double($0 - submitted) / 1000 } }
        firstToken = since(first(.firstToken))
        end = since(own.last { $0.moment.kind == .ended }?.moment.atMicroseconds)
        tokens = Self.tokens(own)
        parts = Self.parts(trace)
        stages = Self.stages(trace)
    }

    private static func tokens(_ entries: [RequestTrace.Entry]) -> Int {
        entries.reduce(0) { $0 + ([.token, .firstToken].contains($1.moment.kind) ? $1.moment.rows ?? 1 : 0) }
    }

    // MARK: Parts of a token's time

    private static func parts(_ trace: RequestTrace) -> [Part] {
        let waits = TraceWaits(trace)
        var values = PartValues()
        var steps: [String: [RequestTrace.Entry]] = [:]
        for entry in trace.own
        where entry.moment.kind == .computed && entry.moment.stage == 0 && entry.moment.decode == true {
            steps["\(entry.moment.request) \(entry.moment.place)", default: []].append(entry)
        }
        for (_, steps) in steps.sorted(by: { $0.key < $1.key }) {
            for (step, next) in zip(steps, steps.dropFirst()) {
                values.add("a token", next.moment.atMicroseconds - step.moment.atMicroseconds)
                values.follow(step, next, waits, trace)
            }
        }
        for entry in trace.own where entry.moment.kind == .token {
            guard let emitted = waits.emission(entry.moment) else { continue }
            values.add("to the gateway", entry.moment.atMicroseconds - emitted.moment.atMicroseconds, isBeside: true)
        }
        return values.parts
    }

    // MARK: Bubbles

    private struct StageKey: Hashable {
        var process: Int
        var place: String
    }

    /// One step of the compute thread: the moments of all its requests have the same time.
    private struct Work: Hashable {
        var begin: Int
        var end: Int
    }

    private static func stages(_ trace: RequestTrace) -> [Stage] {
        var own: [StageKey: Set<Work>] = [:]
        var all: [Int: [Work: Set<RequestID>]] = [:]
        for entry in trace.entries where entry.moment.kind == .computed {
            let work = Work(begin: entry.moment.atMicroseconds, end: entry.end)
            all[entry.process, default: [:]][work, default: []].insert(entry.moment.request)
            guard entry.isOwn else { continue }
            own[StageKey(process: entry.process, place: entry.moment.place), default: []].insert(work)
        }
        return own.compactMap { key, steps -> Stage? in
            guard let begin = steps.map(\.begin).min(), let end = steps.map(\.end).max(), end > begin else {
                return nil
            }
            let total = Double(end - begin)
            var others = 0
            var by: [String: Double] = [:]
            for (work, requests) in all[key.process] ?? [:] where !steps.contains(work) {
                let length = min(work.end, end) - max(work.begin, begin)
                guard length > 0 else { continue }
                others += length
                for name in Set(requests.map(TraceQuestion.name(of:))) {
                    by[name, default: 0] += Double(length) / total / Double(requests.count)
                }
            }
            let members = steps.reduce(0) { $0 + (all[key.process]?[$1]?.count ?? 0) }
            let mine = steps.reduce(0) { $0 + $1.end - $1.begin }
            return Stage(
                process: trace.processes[key.process].name, stage: key.place, milliseconds: total / 1000,
                steps: steps.count, together: Double(members) / Double(steps.count), own: Double(mine) / total,
                others: Double(others) / total,
                bubble: max(0, Double(end - begin - mine - others) / total), by: by)
        }.sorted { ($0.stage, $0.process) < ($1.stage, $1.process) }
    }
}

/// Collects parts of a token's time in the order in which they come.
private struct PartValues {
    private var order: [String] = []
    private var values: [String: [Double]] = [:]
    private var beside: Set<String> = []

    mutating func add(_ name: String, _ microseconds: Int, isBeside: Bool = false) {
        if values[name] == nil { order.append(name) }
        values[name, default: []].append(Double(max(0, microseconds)) / 1000)
        if isBeside { beside.insert(name) }
    }

    /// The way of a step's rows through the stages and back, until the next step begins.
    mutating func follow(
        _ step: RequestTrace.Entry, _ next: RequestTrace.Entry, _ waits: TraceWaits, _ trace: RequestTrace
    ) {
        let last = waits.lastStage(step.moment.replica)
        for stage in 0...last {
            guard let computed = waits.computation(step.moment, stage: stage) else { continue }
            let name = trace.processes[computed.process].name
            if stage > 0, let received = waits.receiving(step.moment, stage: stage) {
                if let sent = waits.sending(step.moment, stage: stage - 1) {
                    add(
                        "from stage \(stage - 1) to \(stage)",
                        received.moment.atMicroseconds - sent.moment.atMicroseconds)
                }
                add("waits on stage \(stage)", computed.moment.atMicroseconds - received.moment.atMicroseconds)
            }
            add("stage \(stage) computes (\(name))", computed.moment.tookMicroseconds ?? 0)
            if stage < last, let sent = waits.sending(step.moment, stage: stage) {
                add("hands over on stage \(stage)", sent.moment.atMicroseconds - computed.end)
            }
        }
        guard let ready = waits.ready(next.moment), ready.moment.step == step.moment.step else { return }
        if last > 0, let computed = waits.computation(step.moment, stage: last) {
            add("from stage \(last) to 0", ready.moment.atMicroseconds - computed.end)
        }
        add("waits on stage 0", next.moment.atMicroseconds - ready.end)
    }

    var parts: [TraceSummary.Part] {
        let whole = values["a token"]?.reduce(0, +) ?? 0
        return order.map { name in
            let numbers = values[name] ?? []
            let statistics = ServeStatistics(numbers)
            let share = beside.contains(name) || whole <= 0 ? nil : numbers.reduce(0, +) / whole
            return TraceSummary.Part(
                name: name, count: numbers.count, mean: statistics.mean, median: statistics.median,
                p99: statistics.percentile(99), share: share)
        }
    }
}
