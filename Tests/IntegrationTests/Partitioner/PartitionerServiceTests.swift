import Domain
import Messaging
import Planning
import Protocol
import ServiceRuntime
import Testing

@testable import Partitioner

/// A partitioner on a free port.
struct RunningPartitioner {
    let endpoint: String
    private let task: Task<Void, any Error>

    static func start(_ context: MessagingContext, at endpoint: String = "tcp://127.0.0.1:*") async throws -> Self {
        var configuration = PartitionerConfiguration()
        configuration.addresses[.partition] = endpoint
        let service = PartitionerService.make(configuration, context: context, logger: PlannerWait.logger)
        let task = Task { try await service.run() }
        return RunningPartitioner(endpoint: try await PlannerWait.until { service.bound[.partition] }, task: task)
    }

    func stop() async throws {
        task.cancel()
        try await task.value
    }
}

@Suite("Partitioner: over sockets", .timeLimit(.minutes(3)))
struct PartitionerServiceTests {
    @Test("answers as the planner itself, whatever else arrives at its port")
    func answers() async throws {
        let context = try MessagingContext()
        let partitioner = try await RunningPartitioner.start(context)
        try await PlannerGarbage.send(to: partitioner.endpoint, context)
        let client = try await ClientSocket.connect(
            to: partitioner.endpoint, on: try context.makeThread(name: "client"), session: Session())
        let groups: [[DeviceID]] = [["a"], ["a", "b"], ["d", "c", "b"], ["a", "b", "c", "d"]]
        let problem = PartitionerCoreTests.problem(
            groups.enumerated().map { PartitionerCoreTests.query($0.offset, $0.element) })
        let reply = try await client.request(Outgoing(.partitionSolve, body: problem), timeout: .seconds(20))
        let solution = try reply.body(as: PartitionSolution.self)
        #expect(solution.answers == LayerPartitioner(cost: try problem.cost()).answers(problem.queries))
        #expect(solution.answers.allSatisfy { $0.feasible })

        var wrong = problem
        wrong.queries[1].devices = ["nobody"]
        let error = await refusal(client, Outgoing(.partitionSolve, body: wrong))
        #expect(error?.message.contains("queries[1].devices") == true)
        #expect(await refusal(client, Outgoing(.planRequest))?.code == "unknown_type")
        #expect(await refusal(client, Outgoing(.partitionSolve))?.message.contains("model is missing") == true)
        #expect(try await client.request(Outgoing(.ping), timeout: .seconds(5)).type == .pong)
        await client.close()
        try await partitioner.stop()
        await context.terminate()
    }

    private func refusal(_ client: ClientSocket, _ message: Outgoing) async -> Fault? {
        do {
            _ = try await client.request(message, timeout: .seconds(20))
            return nil
        } catch {
            return (error as? RuntimeError)?.reported
        }
    }
}
