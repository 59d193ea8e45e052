import Messaging
import Protocol
import ServiceRuntime

/// Every socket of the partitioner.
struct PartitionerEndpoints: Sendable {
    /// ROUTER: `partition.solve`.
    let partition: ServerSocket

    /// Opens it.
    static func open(
        _ configuration: PartitionerConfiguration, on thread: SocketThread, session: Session,
        handler: @escaping ServerSocket.Handler
    ) async throws -> PartitionerEndpoints {
        PartitionerEndpoints(
            partition: try await ServerSocket.bind(
                configuration.bindPartition, on: thread, session: session, handler: handler))
    }

    /// Closes it.
    func close() async { await partition.close() }
}
