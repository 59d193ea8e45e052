import Domain
import Messaging
import Protocol
import ServiceRuntime
import Simulation
import Synchronization
import Testing

@testable import Clusterer

/// Clusterer and partitioner as they run, with a publisher in the profiler's place.
final class PlanningBench: Sendable {
    let context: MessagingContext
    let clusterer: ServiceShell<ClustererInput>
    let client: ClientSocket
    let proposals = Mutex<[PlanProposal]>([])
    private let publisher: StatePublisher
    private let published = Mutex<Fleet?>(nil)
    private let tasks = Mutex<[Task<Void, any Error>]>([])
    private let subscriber = Mutex<StateSubscriber?>(nil)

    static func start(
        partitioner: String, limits: PartitionerLimits = PartitionerLimits(), algorithm: PlanningAlgorithm = .genetic
    ) async throws -> PlanningBench {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "bench")
        let publisher = try await StatePublisher.bind("tcp://127.0.0.1:*", on: thread, session: Session())
        var configuration = ClustererConfiguration()
        configuration.addresses[.plan] = "tcp://127.0.0.1:*"
        configuration.addresses[.proposals] = "tcp://127.0.0.1:*"
        configuration.addresses[.fleet] = publisher.endpoint
        configuration.addresses[.state] = publisher.endpoint
        configuration.addresses[.partition] = partitioner
        configuration.partitioner = limits
        configuration.search.algorithm = algorithm
        let clusterer = ClustererService.make(configuration, context: context, logger: PlannerWait.logger)
        let run = Task { try await clusterer.run() }
        let plan = try await PlannerWait.until { clusterer.bound[.plan] }
        let proposals = try await PlannerWait.until { clusterer.bound[.proposals] }
        let client = try await ClientSocket.connect(to: plan, on: thread, session: Session())
        let bench = PlanningBench(context: context, clusterer: clusterer, client: client, publisher: publisher)
        bench.tasks.withLock { $0.append(run) }
        let subscriber = try await StateSubscriber.connect(
            to: proposals, topics: [MessageType.planProposal.rawValue], on: thread
        ) { [weak bench] message in
            guard let proposal = try? message.body(as: PlanProposal.self) else { return }
            bench?.proposals.withLock { $0.append(proposal) }
        }
        bench.subscriber.withLock { $0 = subscriber }
        return bench
    }

    private init(
        context: MessagingContext, clusterer: ServiceShell<ClustererInput>, client: ClientSocket,
        publisher: StatePublisher
    ) {
        self.context = context
        self.clusterer = clusterer
        self.client = client
        self.publisher = publisher
        let ticker = Task { [weak self] in
            while !Task.isCancelled {
                self?.publishNow()
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        tasks.withLock { $0.append(ticker) }
    }

    /// From now on this is the fleet.
    func publish(_ fleet: Fleet) { published.withLock { $0 = fleet } }

    private func publishNow() {
        guard let fleet = published.withLock({ $0 }) else { return }
        publisher.publish(Outgoing(.fleetSnapshot, body: fleet))
    }

    func plan(_ request: PlanRequest = PlanRequest(reason: "test")) async throws -> PlanProposal {
        try await client.request(Outgoing(.planRequest, body: request), timeout: .seconds(30)).body()
    }

    func refusal(_ request: PlanRequest = PlanRequest(reason: "test")) async -> Fault? {
        do {
            _ = try await plan(request)
            return nil
        } catch {
            return (error as? RuntimeError)?.reported
        }
    }

    func stop() async {
        for task in tasks.withLock({ $0 }) {
            task.cancel()
            _ = await task.result
        }
        await client.close()
        await subscriber.withLock { $0 }?.close()
        await publisher.close()
        await context.terminate()
    }
}

@Suite("Clusterer: over sockets", .timeLimit(.minutes(3)))
struct ClustererServiceTests {
    @Test("clusterer and partitioner make a sound plan, the same for the same seed, and publish it")
    func plans() async throws {
        let context = try MessagingContext()
        let partitioner = try await RunningPartitioner.start(context)
        let bench = try await PlanningBench.start(partitioner: partitioner.endpoint)
        for endpoint in [bench.clusterer.bound[.plan], partitioner.endpoint] {
            try await PlannerGarbage.send(to: try #require(endpoint), bench.context)
        }
        bench.publish(PlannerFleets.fleet())
        let first = try await bench.plan(PlanRequest(reason: "start", seed: 3, fleetVersion: 10))
        #expect(first.reason == "start")
        #expect(first.plan.problem(layers: 12) == nil)
        #expect(first.plan.fleetVersion == 10)
        #expect(
            first.plan.replicas.contains { $0.role == .prefill } && first.plan.replicas.contains { $0.role == .decode })
        #expect(first.plan.replicas.allSatisfy { $0.predictedRequestsPerSecond > 0 })
        let second = try await bench.plan(PlanRequest(reason: "again", seed: 3))
        #expect(second.plan == first.plan)
        // Several at once share a search or wait for each other; all are answered.
        let plans = try await withThrowingTaskGroup(of: PlacementPlan.self) { group in
            for _ in 0..<4 { group.addTask { try await bench.plan(PlanRequest(reason: "many", seed: 3)).plan } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(plans == Array(repeating: first.plan, count: 4))
        let excluded = try await bench.plan(PlanRequest(reason: "loss", excludedDevices: ["a"]))
        #expect(excluded.plan.replicas.flatMap(\.stages).allSatisfy { $0.device != "a" })
        _ = try await PlannerWait.until {
            bench.proposals.withLock { $0.contains { $0.reason == "loss" } ? true : nil }
        }
        await bench.stop()
        try await partitioner.stop()
        await context.terminate()
    }

    @Test("the default planner needs no partitioner; it stays with the plan in force unless a device joins or leaves")
    func replans() async throws {
        let bench = try await PlanningBench.start(partitioner: "tcp://127.0.0.1:9", algorithm: .standard)
        bench.publish(PlannerFleets.fleet())
        let first = try await bench.plan()
        #expect(first.plan.problem(layers: 12) == nil && first.move == nil)
        #expect((first.plan.upperBoundRequestsPerSecond ?? 0) >= first.plan.predictedRequestsPerSecond)
        let same = try await bench.plan(PlanRequest(reason: "drift", seed: 8, planInForce: first.plan))
        #expect(same.move?.replaces == false && same.move?.planInForce == first.plan.id)
        #expect(same.plan.replicas == first.plan.replicas)
        let left = try await bench.plan(
            PlanRequest(reason: "loss", excludedDevices: ["a"], planInForce: first.plan))
        #expect(left.move?.replaces == true && left.move?.reason.contains("device a") == true)
        #expect(left.plan.replicas.flatMap(\.stages).allSatisfy { $0.device != "a" })
        var busy = WorkloadStatistics()
        busy.requestsPerSecond = left.plan.predictedRequestsPerSecond * 1.5
        let back = try await bench.plan(PlanRequest(reason: "join", workload: busy, planInForce: left.plan))
        let move = try #require(back.move)
        #expect(move.replaces && move.gainRequestSeconds > move.costRequestSeconds && move.loadBytes > 0)
        #expect(back.plan.predictedRequestsPerSecond > left.plan.predictedRequestsPerSecond)
        await bench.stop()
    }

    @Test("without a partitioner requests fail by name, with one they succeed again, without a restart")
    func partitionerRestart() async throws {
        let context = try MessagingContext()
        var partitioner = try await RunningPartitioner.start(context)
        let endpoint = partitioner.endpoint
        var limits = PartitionerLimits()
        limits.timeoutSeconds = 0.5
        limits.attempts = 2
        limits.pauseSeconds = 0.05
        let bench = try await PlanningBench.start(partitioner: endpoint, limits: limits)
        bench.publish(PlannerFleets.fleet())
        let before = try await bench.plan().plan
        try await partitioner.stop()
        let refusal = try #require(await bench.refusal())
        #expect(refusal.code == "partitioner_unavailable")
        #expect(refusal.isRetriable)
        #expect(refusal.message.contains(endpoint))
        partitioner = try await PlannerWait.until { try? await RunningPartitioner.start(context, at: endpoint) }
        let after = try await PlannerWait.until { try? await bench.plan().plan }
        #expect(after == before)
        await bench.stop()
        try await partitioner.stop()
        await context.terminate()
    }

    @Test("errors reach the one who asked: too little memory, no device, damaged and unknown messages")
    func errors() async throws {
        let context = try MessagingContext()
        let partitioner = try await RunningPartitioner.start(context)
        let bench = try await PlanningBench.start(partitioner: partitioner.endpoint)
        bench.publish(PlannerFleets.fleet(memory: 3_000_000))
        let refusal = try #require(await bench.refusal())
        #expect(refusal.code == "model_does_not_fit")
        #expect(refusal.message.contains("lacks"))
        bench.publish(PlannerFleets.fleet([PlannerFleets.device("a", state: .registered)], version: 11))
        let none = await bench.refusal(PlanRequest(reason: "test", fleetVersion: 11))
        #expect(none?.code == "no_devices")
        #expect(none?.message.contains("a is registered") == true)
        var bad = WorkloadStatistics()
        bad.meanPromptTokens = -5
        bench.publish(PlannerFleets.fleet(version: 12))
        let workload = await bench.refusal(PlanRequest(reason: "test", workload: bad, fleetVersion: 12))
        #expect(workload?.code == "invalid_input")
        #expect(workload?.message.contains("mean_prompt_tokens") == true)
        await #expect {
            _ = try await bench.client.request(Outgoing(.planRequest), timeout: .seconds(10))
        } throws: { ($0 as? RuntimeError)?.reported?.message.contains("reason is missing") == true }
        await #expect {
            _ = try await bench.client.request(Outgoing(.fleetGet), timeout: .seconds(10))
        } throws: { ($0 as? RuntimeError)?.reported?.code == "unknown_type" }
        await bench.stop()
        try await partitioner.stop()
        await context.terminate()
    }
}
