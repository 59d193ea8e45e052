import Domain
import Protocol
import Synchronization

/// The last states that scheduler and profiler published, as they came, for `/v1/cluster` and the cache metric.
final class ClusterView: Sendable {
    private struct State {
        var scheduler: [UInt8]?
        var fleet: [UInt8]?
        var epoch: Epoch?
        var cacheUsage: Double?
    }

    private let state = Mutex(State())

    /// The reserved share of the KV cache of the replicas that decode.
    var cacheUsage: Double? { state.withLock { $0.cacheUsage } }

    /// Takes the scheduler's state; the bytes have been decoded once and are sound.
    func scheduler(_ bytes: [UInt8], _ body: SchedulerState, epoch: Epoch?) {
        let capacity = body.replicas.reduce(0) { $0 + $1.kvCapacityTokens }
        let reserved = body.replicas.reduce(0) { $0 + $1.kvReservedTokens }
        state.withLock {
            $0.scheduler = bytes
            $0.epoch = epoch
            $0.cacheUsage = capacity > 0 ? Double(reserved) / Double(capacity) : nil
        }
    }

    /// Takes the fleet.
    func fleet(_ bytes: [UInt8]) { state.withLock { $0.fleet = bytes } }

    /// One JSON object of both: `epoch`, `scheduler`, `fleet`; `null` for what has not been seen.
    func json() -> [UInt8] {
        let state = state.withLock { $0 }
        let null = Array("null".utf8)
        var bytes = Array("{\"epoch\":\(state.epoch.map(String.init) ?? "null"),\"scheduler\":".utf8)
        bytes += state.scheduler ?? null
        bytes += Array(",\"fleet\":".utf8)
        bytes += state.fleet ?? null
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
