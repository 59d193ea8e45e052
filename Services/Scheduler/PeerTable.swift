import Messaging
import Protocol
import Scheduling
import ServiceRuntime
import Synchronization

/// Which peer of the control socket is which worker process or gateway.
final class PeerTable: Sendable {
    private struct State {
        var workers: [WorkerAddress: PeerIdentity] = [:]
        var addresses: [PeerIdentity: WorkerAddress] = [:]
        /// Who speaks in a session, and with which key: sessions are public.
        var sessions: [String: (address: WorkerAddress, user: String?)] = [:]
        var order: [WorkerAddress] = []
        var gateways: [String: PeerIdentity] = [:]
        var gatewayOrder: [String] = []
    }

    /// The oldest processes are forgotten beyond this number.
    private static let capacity = 4096
    private let state = Mutex(State())

    /// Learns from a message who speaks; `false` where it speaks in the session of another key.
    func note(_ input: SchedulerInput, _ message: WireMessage) -> Bool {
        guard let peer = message.peer, case .event(let event, _) = input else { return true }
        switch event {
        case .workerHello(let report): return note(report.address, peer, message.user)
        case .workerHeartbeat(let address, _): return note(address, peer, message.user)
        case .gatewayHeartbeat(let endpoint, _): note(gateway: endpoint, peer)
        case .submitted(let request): note(gateway: request.gateway, peer)
        default: break
        }
        return true
    }

    /// The worker that sent a message, by its session and the key that the session was begun with.
    func worker(of message: WireMessage) -> WorkerAddress? {
        state.withLock { state in
            guard let known = state.sessions[message.envelope.session], known.user == message.user else { return nil }
            return known.address
        }
    }
    /// The worker process that a connection belongs to.
    func worker(peer: PeerIdentity) -> WorkerAddress? { state.withLock { $0.addresses[peer] } }
    /// The connections of all worker processes that were heard of and not found gone.
    var workerPeers: [PeerIdentity] { state.withLock { Array($0.addresses.keys) } }
    /// A connection is gone: it is not asked after any more until it is heard of again.
    func forget(_ peer: PeerIdentity) { state.withLock { $0.addresses[peer] = nil } }
    /// Where a worker process is reached.
    func peer(_ address: WorkerAddress) -> PeerIdentity? { state.withLock { $0.workers[address] } }
    /// Where a gateway is reached.
    func peer(gateway: String) -> PeerIdentity? { state.withLock { $0.gateways[gateway] } }

    private func note(_ address: WorkerAddress, _ peer: PeerIdentity, _ user: String?) -> Bool {
        state.withLock { state in
            // Another key cannot take a session over.
            if let known = state.sessions[address.session], known.user != user { return false }
            state.addresses[peer] = address
            if state.workers.updateValue(peer, forKey: address) == nil {
                state.order.append(address)
                state.sessions[address.session] = (address, user)
                if state.order.count > Self.capacity {
                    let oldest = state.order.removeFirst()
                    if let peer = state.workers.removeValue(forKey: oldest) { state.addresses[peer] = nil }
                    state.sessions[oldest.session] = nil
                }
            }
            return true
        }
    }

    private func note(gateway: String, _ peer: PeerIdentity) {
        state.withLock { state in
            if state.gateways.updateValue(peer, forKey: gateway) == nil {
                state.gatewayOrder.append(gateway)
                if state.gatewayOrder.count > Self.capacity { state.gateways[state.gatewayOrder.removeFirst()] = nil }
            }
        }
    }
}
