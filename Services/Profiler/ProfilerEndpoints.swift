import Messaging
import Protocol
import ServiceRuntime

/// Every socket of the profiler.
struct ProfilerEndpoints: Sendable {
    /// ROUTER: registrations, heartbeats, and the measurements that the profiler asks of workers.
    let registry: ServerSocket
    /// PUB: the fleet.
    let fleet: StatePublisher

    /// What arrives.
    enum Input: Sendable {
        case message(WireMessage)
        case event(ProfilerEvent)
    }

    /// Opens both on one thread.
    static func open(
        _ configuration: ProfilerConfiguration, on thread: SocketThread, session: Session, queue: EventQueue<Input>
    ) async throws -> ProfilerEndpoints {
        let fleet = try await StatePublisher.bind(configuration.bindFleet, on: thread, session: session)
        let registry = try await ServerSocket.bind(
            configuration.bindRegistry, on: thread, session: session,
            onUnroutable: { queue.push(.event(.unroutable($0))) },
            handler: { await queue.send(.message($0)) })
        return ProfilerEndpoints(registry: registry, fleet: fleet)
    }

    /// Closes both.
    func close() async {
        await registry.close()
        await fleet.close()
    }
}
