import Synchronization

/// Messages and bytes by what they are.
struct ControlCounts: Codable, Sendable, Hashable {
    /// Messages of one kind.
    struct Entry: Codable, Sendable, Hashable {
        /// How many.
        var messages = 0
        /// Bytes of their frames, without those of the transport.
        var bytes = 0

        static func - (left: Entry, right: Entry) -> Entry {
            Entry(messages: left.messages - right.messages, bytes: left.bytes - right.bytes)
        }
    }

    /// By socket: `registry` and `control`, both directions of all workers together, and the published topics.
    var sockets: [String: Entry] = [:]
    /// Messages by type, answers not counted apart.
    var types: [String: Int] = [:]

    mutating func add(_ socket: String, messages: Int, bytes: Int) {
        sockets[socket, default: Entry()].messages += messages
        sockets[socket, default: Entry()].bytes += bytes
    }

    /// What came since an earlier count.
    func since(_ earlier: ControlCounts) -> ControlCounts {
        ControlCounts(
            sockets: sockets.reduce(into: [:]) { $0[$1.key] = $1.value - (earlier.sockets[$1.key] ?? Entry()) },
            types: types.reduce(into: [:]) { $0[$1.key] = $1.value - (earlier.types[$1.key] ?? 0) })
    }
}

/// Counts what all workers say and hear, and when what the control plane does is done for the first time.
final class ControlTally: Sendable {
    /// What is waited for, in the order in which it comes.
    enum Milestone: String, Codable, Sendable, Hashable, CaseIterable {
        /// All workers have registered with the profiler.
        case registered
        /// All workers are known to the scheduler.
        case welcomed
        /// All workers have measured themselves; where devices are equal only one of them does.
        case measured
        /// All devices are ready: their links have been tried, too.
        case ready
        /// The first plan was published.
        case planned
        /// The plan in force serves.
        case serving
        /// A plan of the whole fleet serves.
        case settled
    }

    private struct State {
        var counts = ControlCounts()
        var milestones: [Milestone: Double] = [:]
        var registered: Set<String> = []
        var welcomed: Set<String> = []
        var measured: Set<String> = []
    }

    private let state = Mutex(State())
    private let workers: Int
    private let start = ContinuousClock.now

    /// Counts for so many workers from now on.
    init(workers: Int) { self.workers = workers }

    /// Seconds since the start.
    var seconds: Double { start.duration(to: .now) / .seconds(1) }
    /// When what was done, seconds from the start.
    var milestones: [Milestone: Double] { state.withLock(\.milestones) }
    /// Messages by type, and what was published.
    var counts: ControlCounts { state.withLock(\.counts) }

    func note(_ type: String, count: Int = 1) { state.withLock { $0.counts.types[type, default: 0] += count } }

    func published(_ topic: String, bytes: Int) {
        state.withLock { $0.counts.add(topic, messages: 1, bytes: bytes) }
    }

    /// Something is done, if it was not before.
    func reached(_ milestone: Milestone) {
        let now = seconds
        state.withLock { $0.milestones[milestone] = $0.milestones[milestone] ?? now }
    }

    func registered(_ worker: String) { done(.registered) { $0.registered.insert(worker) } }
    func welcomed(_ worker: String) { done(.welcomed) { $0.welcomed.insert(worker) } }
    func measured(_ worker: String) { done(.measured) { $0.measured.insert(worker) } }

    /// Counts a worker once; the milestone is reached with the last one.
    private func done(_ milestone: Milestone, _ insert: (inout State) -> (inserted: Bool, memberAfterInsert: String)) {
        let isAll = state.withLock { state in
            guard insert(&state).inserted else { return false }
            let list =
                switch milestone {
                case .registered: state.registered
                case .welcomed: state.welcomed
                default: state.measured
                }
            return list.count == workers
        }
        if isAll { reached(milestone) }
    }
}
