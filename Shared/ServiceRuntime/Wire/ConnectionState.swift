import Messaging
import Synchronization

/// Whether a monitored connection is up.
final class ConnectionState: Sendable {
    private let connected = Atomic(false)

    var isConnected: Bool { connected.load(ordering: .relaxed) }

    func note(_ event: SocketEvent) {
        switch event {
        case .connected: connected.store(true, ordering: .relaxed)
        case .disconnected, .handshakeFailed, .closed: connected.store(false, ordering: .relaxed)
        case .unroutable, .stalled, .tooManyFrames, .sendFailed: break
        }
    }
}
