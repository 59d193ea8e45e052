import Domain
import Messaging
import Planning
import Protocol
import ServiceRuntime
import Simulation
import Synchronization
import Testing

@testable import Clusterer

@Suite("Clusterer: plans that are only shown", .timeLimit(.minutes(3)))
struct PlanPreviewTests {
    private func core() -> ClustererCore {
        var core = ClustererCore(ClustererConfiguration())
        _ = core.handle(.fleet(PlannerFleets.fleet(), session: "p"), at: 0)
        return core
    }

    private func started(_ instructions: [ClustererInstruction]) -> SearchOrder? {
        instructions.compactMap { if case .preview(_, let order) = $0 { order } else { nil } }.first
    }

    private func refusal(_ instructions: [ClustererInstruction]) -> Fault? {
        instructions.compactMap { if case .refuse(_, let error) = $0 { error } else { nil } }.first
    }

    @Test("the order is the fleet with its changes, with little time")
    func changes() throws {
        var core = core()
        let changes = FleetChanges(
            without: ["a"], links: [FleetChanges.Link(from: "b", to: "c", bytesPerSecond: 1000)],
            slowdowns: [DeviceSlowdown(device: "d", factor: 2)])
        let workload = WorkloadStatistics(requestsPerSecond: 3)
        let order = try #require(
            started(core.handle(.previewWanted(1, PlanPreview(changes: changes, workload: workload)), at: 0)))
        #expect(order.isPreview && order.settings.searchSeconds == 10 && order.workload == workload)
        #expect(order.problem.devices.map(\.id) == ["b", "c", "d"])
        let link = order.problem.links.first { $0.from == "b" && $0.to == "c" }
        #expect(link?.bytesPerSecond == 1000 && link?.latencySeconds == 5e-4)
        #expect(order.problem.links.first { $0.from == "c" && $0.to == "b" }?.bytesPerSecond == 5e7)
        let fast = try PlannerFleets.fleet().problem(excluding: []).devices[3].measurements.decode[0].secondsPerLayer
        #expect(order.problem.devices[2].measurements.decode[0].secondsPerLayer == 2 * fast)
        #expect(!core.isAtRest)
    }

    @Test("one at a time, beside searches, and nothing is published")
    func bounds() throws {
        var core = core()
        let nothing = PlanPreview(changes: FleetChanges())
        #expect(core.handle(.requested(1, PlanRequest(reason: "x")), at: 0).count == 1)
        #expect(started(core.handle(.previewWanted(2, nothing), at: 0)) != nil, "a search does not hold it up")
        let second = refusal(core.handle(.previewWanted(3, nothing), at: 0))
        #expect(second?.code == "overloaded" && second?.isRetriable == true)
        let plan = PlacementPlan(
            id: "p", model: "digest", fleetVersion: 10, workload: WorkloadStatistics(), replicas: [],
            predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")
        let end = core.handle(.previewed(2, .success(PlanPreviewed(plan: plan, searchSeconds: 1))), at: 1)
        guard case .show(2, let shown)? = end.first, end.count == 1 else {
            Issue.record("\(end)")
            return
        }
        #expect(shown.plan == plan)
        #expect(started(core.handle(.previewWanted(4, nothing), at: 1)) != nil)
        let failure = Fault("no_plan", "none")
        #expect(refusal(core.handle(.previewed(4, .failure(failure)), at: 2)) == failure)
    }

    @Test("what cannot be is refused by name, and holds nothing up")
    func refusals() {
        var core = core()
        let unknown = refusal(
            core.handle(.previewWanted(1, PlanPreview(changes: FleetChanges(without: ["x"]))), at: 0))
        #expect(unknown?.code == "invalid_input" && unknown?.message.hasPrefix("without: ") == true)
        let none = refusal(
            core.handle(.previewWanted(2, PlanPreview(changes: FleetChanges(without: ["a", "b", "c", "d"]))), at: 0))
        #expect(none?.code == "no_devices")
        #expect(core.isAtRest)
        var early = ClustererCore(ClustererConfiguration())
        let unready = refusal(early.handle(.previewWanted(1, PlanPreview(changes: FleetChanges())), at: 0))
        #expect(unready?.code == "no_devices" && unready?.isRetriable == true)
    }

    @Test("over sockets: the plan without a device, and what the plan in force would do; subscribers hear nothing")
    func sockets() async throws {
        let bench = try await PlanningBench.start(partitioner: "tcp://127.0.0.1:9", algorithm: .standard)
        bench.publish(PlannerFleets.fleet())
        let first = try await bench.plan(PlanRequest(reason: "start")).plan
        func preview(_ changes: FleetChanges, _ workload: WorkloadStatistics? = nil) async throws -> PlanPreviewed {
            let question = PlanPreview(changes: changes, workload: workload, planInForce: first)
            return try await bench.client.request(Outgoing(.planPreview, body: question), timeout: .seconds(30)).body()
        }
        let same = try await preview(FleetChanges())
        #expect(same.plan.problem(layers: 12) == nil && same.move?.replaces == false)
        #expect((same.inForceRequestsPerSecond ?? 0) > 0)
        let without = try await preview(FleetChanges(without: ["a"]))
        #expect(without.plan.problem(layers: 12) == nil)
        #expect(without.plan.replicas.flatMap(\.stages).allSatisfy { $0.device != "a" })
        #expect(without.plan.predictedRequestsPerSecond < first.predictedRequestsPerSecond)
        #expect(without.move?.replaces == true && without.inForceRequestsPerSecond == nil)
        let slow = FleetChanges(slowdowns: ["a", "b", "c", "d"].map { DeviceSlowdown(device: $0, factor: 4) })
        let slower = try await preview(slow)
        #expect(slower.plan.predictedRequestsPerSecond < 0.5 * same.plan.predictedRequestsPerSecond)
        #expect((slower.inForceRequestsPerSecond ?? .infinity) < 0.5 * (same.inForceRequestsPerSecond ?? 0))
        let long = WorkloadStatistics(meanPromptTokens: 1024)
        #expect(try await preview(FleetChanges(), long).plan.workload == long)
        await #expect {
            _ = try await preview(FleetChanges(without: ["nobody"]))
        } throws: { ($0 as? RuntimeError)?.reported?.code == "invalid_input" }
        await #expect {
            _ = try await bench.client.request(Outgoing(.planPreview), timeout: .seconds(10))
        } throws: { ($0 as? RuntimeError)?.reported?.message.contains("changes is missing") == true }
        // A later proposal comes after everything that was published before it.
        _ = try await bench.plan(PlanRequest(reason: "last", excludedDevices: ["b"]))
        _ = try await PlannerWait.until {
            bench.proposals.withLock { $0.contains { $0.reason == "last" } ? true : nil }
        }
        #expect(bench.proposals.withLock { $0.count } <= 2)
        await bench.stop()
    }
}
