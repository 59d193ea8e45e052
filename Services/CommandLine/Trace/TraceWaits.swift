import Domain
import Protocol

/// What came right before a moment on the way of a request, and how long it took from there.
struct TraceWaits: Sendable {
    /// A wait.
    struct Wait: Sendable, Hashable {
        /// How long.
        var microseconds: Int
        /// For what.
        var reason: String
    }

    /// Rows of a step on a stage.
    private struct Rows: Hashable {
        var request: RequestID
        var replica: ReplicaID?
        var stage: Int
        var step: UInt64
    }
    private struct Numbered: Hashable {
        var request: RequestID
        var position: Int
    }

    private let trace: RequestTrace
    private var computed: [Rows: RequestTrace.Entry] = [:]
    private var sent: [Rows: RequestTrace.Entry] = [:]
    private var received: [Rows: RequestTrace.Entry] = [:]
    private var emitted: [Numbered: RequestTrace.Entry] = [:]
    private var last: [ReplicaID: Int] = [:]
    private var events: [TraceMoment.Kind: [RequestID: [RequestTrace.Entry]]] = [:]
    /// Computations of each process in their order, the same step of several requests once for each.
    private var work: [Int: [RequestTrace.Entry]] = [:]

    /// Looks at all moments once.
    init(_ trace: RequestTrace) {
        self.trace = trace
        for entry in trace.entries {
            let moment = entry.moment
            if moment.kind == .computed { work[entry.process, default: []].append(entry) }
            guard entry.isOwn else { continue }
            events[moment.kind, default: [:]][moment.request, default: []].append(entry)
            if let rows = Self.rows(moment) {
                switch moment.kind {
                case .computed:
                    computed[rows] = entry
                    if let replica = moment.replica { last[replica] = max(last[replica] ?? 0, rows.stage) }
                case .rowsSent: sent[rows] = entry
                case .rowsReceived: received[rows] = entry
                default: break
                }
            }
            if moment.kind == .emitted, let position = moment.position {
                emitted[Numbered(request: moment.request, position: position)] = entry
            }
        }
    }

    private static func rows(_ moment: TraceMoment) -> Rows? {
        guard let stage = moment.stage, let step = moment.step else { return nil }
        return Rows(request: moment.request, replica: moment.replica, stage: stage, step: step)
    }

    /// The computation of the same rows on another stage.
    func computation(_ moment: TraceMoment, stage: Int) -> RequestTrace.Entry? { same(computed, moment, stage: stage) }
    /// When they left a stage.
    func sending(_ moment: TraceMoment, stage: Int) -> RequestTrace.Entry? { same(sent, moment, stage: stage) }
    /// When they came to a stage.
    func receiving(_ moment: TraceMoment, stage: Int) -> RequestTrace.Entry? { same(received, moment, stage: stage) }
    /// The token that the gateway got.
    func emission(_ moment: TraceMoment) -> RequestTrace.Entry? {
        moment.position.flatMap { emitted[Numbered(request: moment.request, position: $0)] }
    }
    /// The last stage of a replica, as far as it told.
    func lastStage(_ replica: ReplicaID?) -> Int { replica.flatMap { last[$0] } ?? 0 }

    private func same(
        _ table: [Rows: RequestTrace.Entry], _ moment: TraceMoment, stage: Int
    ) -> RequestTrace.Entry? {
        guard var rows = Self.rows(moment) else { return nil }
        rows.stage = stage
        return table[rows]
    }

    /// What a moment waited for; `nil` where nothing is known.
    func wait(of entry: RequestTrace.Entry) -> Wait? {
        let moment = entry.moment
        switch moment.kind {
        case .computed: return computing(entry)
        case .rowsReceived:
            return wait(entry, since: moment.stage.flatMap { sending(moment, stage: $0 - 1) }, "the way")
        case .rowsSent:
            return wait(entry, since: moment.stage.flatMap { computation(moment, stage: $0) }, "its turn")
        case .stepDone:
            return wait(entry, since: computation(moment, stage: lastStage(moment.replica)), "the way")
        case .emitted:
            return wait(entry, since: moment.stage.flatMap { computation(moment, stage: $0) }, "its turn")
        case .token, .firstToken: return wait(entry, since: emission(moment), "the way")
        case .kvReceived: return wait(entry, since: transfer(moment), "the way")
        case .routed: return wait(entry, since: before(entry, .submitted), "a replica")
        case .accepted: return wait(entry, since: before(entry, .routed), "the way")
        case .firstTokenReceived: return wait(entry, since: before(entry, .firstTokenSent), "the way")
        default: return nil
        }
    }

    private func wait(_ entry: RequestTrace.Entry, since cause: RequestTrace.Entry?, _ reason: String) -> Wait? {
        guard let cause else { return nil }
        let way = cause.process == entry.process ? reason : "\(reason) from \(trace.processes[cause.process].name)"
        return Wait(microseconds: max(0, entry.moment.atMicroseconds - cause.end), reason: way)
    }

    /// The newest moment of a kind before this one.
    private func before(_ entry: RequestTrace.Entry, _ kind: TraceMoment.Kind) -> RequestTrace.Entry? {
        events[kind]?[entry.moment.request]?.last { $0.moment.atMicroseconds <= entry.moment.atMicroseconds }
    }

    /// The piece of KV cache that came: pieces of one place in the sequence are told apart by their bytes.
    private func transfer(_ moment: TraceMoment) -> RequestTrace.Entry? {
        events[.kvSent]?[moment.request]?.last {
            $0.moment.position == moment.position && $0.moment.bytes == moment.bytes
                && $0.moment.atMicroseconds <= moment.atMicroseconds
        }
    }

    /// When the rows of a computation were there: they came from the stage before, or the step before was done.
    func ready(_ moment: TraceMoment) -> RequestTrace.Entry? {
        guard let stage = moment.stage else { return nil }
        if stage > 0 { return receiving(moment, stage: stage) }
        let last = lastStage(moment.replica)
        let kind: TraceMoment.Kind = last > 0 ? .stepDone : .computed
        return events[kind]?[moment.request]?.last {
            $0.moment.replica == moment.replica && $0.moment.stage == 0 && $0.end <= moment.atMicroseconds
                && $0.moment.step != moment.step
        }
    }

    private func computing(_ entry: RequestTrace.Entry) -> Wait? {
        guard let ready = ready(entry.moment) else { return nil }
        let start = entry.moment.atMicroseconds
        let others = (work[entry.process] ?? []).filter {
            $0.moment.atMicroseconds < start && $0.end > ready.end && $0.moment.request != entry.moment.request
        }
        let names = Set(others.map { TraceQuestion.name(of: $0.moment.request) }).sorted()
        let reason: String
        switch names.count {
        case 0: reason = "its turn"
        case 1, 2: reason = names.joined(separator: ", ")
        default: reason = "\(names.count) other requests"
        }
        return Wait(microseconds: max(0, start - ready.end), reason: reason)
    }
}
