import Domain
import Messaging
import Protocol
import ServiceRuntime

/// Every socket of the clusterer.
struct ClustererEndpoints: Sendable {
    /// ROUTER: `plan.request`.
    let plan: ServerSocket
    /// PUB: `plan.proposal`.
    let proposals: StatePublisher
    /// SUB: the profiler's `fleet.snapshot`.
    let fleet: StateSubscriber
    /// SUB: the scheduler's `workload.statistics`.
    let workload: StateSubscriber
    /// DEALER to the partitioner.
    let partition: ClientSocket

    /// What arrives.
    enum Input: Sendable {
        case message(WireMessage)
        case event(ClustererEvent)
    }

    /// Opens all of them on one thread.
    static func open(
        _ configuration: ClustererConfiguration, on thread: SocketThread, session: Session, queue: EventQueue<Input>
    ) async throws -> ClustererEndpoints {
        let plan = try await ServerSocket.bind(configuration.bindPlan, on: thread, session: session) {
            await queue.send(.message($0))
        }
        let proposals = try await StatePublisher.bind(configuration.bindProposals, on: thread, session: session)
        let fleet = try await StateSubscriber.connect(
            to: configuration.fleet, topics: [MessageType.fleetSnapshot.rawValue], on: thread
        ) { message in
            guard let fleet = try? message.body(as: Fleet.self) else { return }
            await queue.send(.event(.fleet(fleet, session: message.envelope.session)))
        }
        let workload = try await StateSubscriber.connect(
            to: configuration.state, topics: [MessageType.workloadStatistics.rawValue], on: thread
        ) { message in
            guard let statistics = try? message.body(as: WorkloadStatistics.self) else { return }
            await queue.send(.event(.workload(statistics)))
        }
        let partition = try await ClientSocket.connect(
            to: configuration.partition, on: thread, session: session, name: "clusterer")
        return ClustererEndpoints(
            plan: plan, proposals: proposals, fleet: fleet, workload: workload, partition: partition)
    }

    /// Closes all of them.
    func close() async {
        await plan.close()
        await partition.close()
        await fleet.close()
        await workload.close()
        await proposals.close()
    }
}
