import Domain
import Protocol
import Synchronization

/// The last states that scheduler and profiler published: as they came for `/v1/cluster`, and as values for those who watch.
final class ClusterView: Sendable {
    /// What has been published.
    struct Known: Sendable {
        var scheduler: SchedulerState?
        /// The process that published it.
        var schedulerSession: String?
        var fleet: Fleet?
        var epoch: Epoch?
    }

    private struct State {
        var known = Known()
        var scheduler: [UInt8]?
        var fleet: [UInt8]?
        var cacheUsage: Double?
    }

    private let state = Mutex(State())

    /// The reserved share of the KV cache of the replicas that decode.
    var cacheUsage: Double? { state.withLock { $0.cacheUsage } }

    /// The states.
    var known: Known { state.withLock { $0.known } }

    /// Takes the scheduler's state, of which `bytes` are the text.
    func scheduler(_ bytes: [UInt8], _ body: SchedulerState, epoch: Epoch?, session: String) {
        let capacity = body.replicas.reduce(0) { $0 + $1.kvCapacityTokens }
        let reserved = body.replicas.reduce(0) { $0 + $1.kvReservedTokens }
        state.withLock {
            $0.scheduler = bytes
            $0.known.scheduler = body
            $0.known.schedulerSession = session
            $0.known.epoch = epoch
            $0.cacheUsage = capacity > 0 ? Double(reserved) / Double(capacity) : nil
        }
    }

    /// Takes the fleet, of which `bytes` are the text.
    func fleet(_ bytes: [UInt8], _ fleet: Fleet) {
        state.withLock {
            $0.fleet = bytes
            $0.known.fleet = fleet
        }
    }

    /// One JSON object of both: `epoch`, `scheduler`, `fleet`; `null` for what has not been seen.
    func json() -> [UInt8] {
        let state = state.withLock { $0 }
        let null = Array("null".utf8)
        var bytes = Array("{\"epoch\":\(state.known.epoch.map(String.init) ?? "null"),\"scheduler\":".utf8)
        bytes += state.scheduler ?? null
        bytes += Array(",\"fleet\":".utf8)
        bytes += state.fleet ?? null
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
