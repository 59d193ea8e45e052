import Domain
import Planning
import Protocol
import Testing

@testable import Clusterer

@Suite("Clusterer: decisions")
struct ClustererCoreTests {
    private func core(parallel: Int = 1, queue: Int = 8) -> ClustererCore {
        var configuration = ClustererConfiguration()
        configuration.parallel = parallel
        configuration.queueLimit = queue
        return ClustererCore(configuration)
    }

    private func searches(_ instructions: [ClustererInstruction]) -> [(id: SearchID, order: SearchOrder)] {
        instructions.compactMap { if case .search(let id, let order) = $0 { (id, order) } else { nil } }
    }

    private func refusals(_ instructions: [ClustererInstruction]) -> [Fault] {
        instructions.compactMap { if case .refuse(_, let error) = $0 { error } else { nil } }
    }

    private static let plan = PlacementPlan(
        id: "plan", model: "digest", fleetVersion: 10, workload: WorkloadStatistics(), replicas: [],
        predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")

    @Test("a request waits for the fleet, and gives up after a while")
    func waitsForFleet() {
        var core = core()
        #expect(core.handle(.requested(1, PlanRequest(reason: "test")), at: 0).isEmpty)
        #expect(core.handle(.tick, at: 4).isEmpty)
        let late = refusals(core.handle(.tick, at: 5.1))
        #expect(late.map(\.code) == ["no_devices"])
        #expect(late.first?.isRetriable == true)
        _ = core.handle(.requested(2, PlanRequest(reason: "test")), at: 6)
        #expect(searches(core.handle(.fleet(PlannerFleets.fleet(), session: "p"), at: 7)).count == 1)
    }

    @Test("a request waits for the fleet version that it names, briefly")
    func waitsForVersion() {
        var core = core(parallel: 2)
        _ = core.handle(.fleet(PlannerFleets.fleet(version: 10), session: "p"), at: 0)
        #expect(core.handle(.requested(1, PlanRequest(reason: "test", fleetVersion: 12)), at: 0).isEmpty)
        #expect(core.handle(.fleet(PlannerFleets.fleet(version: 11), session: "p"), at: 1).isEmpty)
        let started = searches(core.handle(.fleet(PlannerFleets.fleet(version: 12), session: "p"), at: 2))
        #expect(started.map(\.order.fleetVersion) == [12])
        _ = core.handle(.requested(2, PlanRequest(reason: "test", seed: 5, fleetVersion: 99)), at: 3)
        #expect(searches(core.handle(.tick, at: 8.1)).map(\.order.fleetVersion) == [12])
    }

    @Test("older versions of one profiler are ignored, those of a restarted one are not")
    func versions() {
        var core = core(parallel: 4)
        _ = core.handle(.fleet(PlannerFleets.fleet(version: 10), session: "p"), at: 0)
        _ = core.handle(.fleet(PlannerFleets.fleet(version: 9), session: "p"), at: 0)
        #expect(searches(core.handle(.requested(1, PlanRequest(reason: "x")), at: 0)).map(\.order.fleetVersion) == [10])
        _ = core.handle(.fleet(PlannerFleets.fleet(version: 3), session: "q"), at: 0)
        #expect(searches(core.handle(.requested(2, PlanRequest(reason: "x")), at: 0)).map(\.order.fleetVersion) == [3])
    }

    @Test("equal requests share a search, all are answered, one proposal is published")
    func coalescing() {
        var core = core(queue: 1)
        _ = core.handle(.fleet(PlannerFleets.fleet(), session: "p"), at: 0)
        let first = searches(core.handle(.requested(1, PlanRequest(reason: "one")), at: 0))
        #expect(first.count == 1)
        #expect(core.handle(.requested(2, PlanRequest(reason: "two")), at: 1).isEmpty)
        #expect(
            refusals(core.handle(.requested(3, PlanRequest(reason: "three", seed: 9)), at: 1)).map(\.code) == [
                "overloaded"
            ])
        let end = core.handle(.searched(1, .success(SearchOutcome(plan: Self.plan, seconds: 0.5))), at: 2)
        let answered = end.compactMap { if case .propose(let ticket, _) = $0 { ticket } else { nil } }
        let publishedReasons = end.compactMap { if case .publish(let proposal) = $0 { proposal.reason } else { nil } }
        #expect(answered == [1, 2])
        #expect(publishedReasons == ["one"])
        #expect(searches(core.handle(.requested(4, PlanRequest(reason: "again")), at: 3)).count == 1)
    }

    @Test("different requests run one after the other; a failure answers everybody who waits for it")
    func queueing() {
        var core = core()
        _ = core.handle(.fleet(PlannerFleets.fleet(), session: "p"), at: 0)
        #expect(searches(core.handle(.requested(1, PlanRequest(reason: "one")), at: 0)).count == 1)
        #expect(core.handle(.requested(2, PlanRequest(reason: "two", excludedDevices: ["a"])), at: 0).isEmpty)
        let error = Fault("no_plan", "none", isRetriable: true)
        let after = core.handle(.searched(1, .failure(error)), at: 1)
        #expect(refusals(after) == [error])
        let next = searches(after)
        #expect(next.count == 1)
        #expect(next.first?.order.problem.devices.map(\.id) == ["b", "c", "d"])
        #expect(next.first?.order.problem.links.contains { $0.from == "a" || $0.to == "a" } == false)
    }

    @Test("the workload of the request counts before the one that was heard, and that before the assumption")
    func workload() {
        var core = core(parallel: 4)
        _ = core.handle(.fleet(PlannerFleets.fleet(), session: "p"), at: 0)
        #expect(
            searches(core.handle(.requested(1, PlanRequest(reason: "x")), at: 0)).map(\.order.workload)
                == [WorkloadStatistics()])
        let heard = WorkloadStatistics(requestsPerSecond: 3)
        _ = core.handle(.workload(heard), at: 0)
        #expect(searches(core.handle(.requested(2, PlanRequest(reason: "x")), at: 0)).map(\.order.workload) == [heard])
        let own = WorkloadStatistics(requestsPerSecond: 5)
        let asked = searches(core.handle(.requested(3, PlanRequest(reason: "x", workload: own, seed: 7)), at: 0))
        #expect(asked.map(\.order.workload) == [own])
        #expect(asked.map(\.order.seed) == [7])
    }

    @Test("only ready devices with live workers are used, each for the phases of its live workers")
    func usableDevices() throws {
        var measuring = PlannerFleets.device("e", state: .measuring)
        measuring.measurements = nil
        let fleet = PlannerFleets.fleet([
            PlannerFleets.device("a"), PlannerFleets.device("b", alive: [.decode]),
            PlannerFleets.device("c", alive: [.prefill]), PlannerFleets.device("d", alive: []), measuring,
            PlannerFleets.device("f", state: .lost),
        ])
        let problem = try fleet.problem(excluding: [])
        #expect(problem.devices.map(\.id) == ["a", "b", "c"])
        #expect(problem.devices[1].measurements.prefill.isEmpty && !problem.devices[1].measurements.decode.isEmpty)
        #expect(problem.devices[2].measurements.decode.isEmpty && !problem.devices[2].measurements.prefill.isEmpty)
    }

    @Test("where no device can be used, the error says why for each")
    func noDevices() {
        var failed = PlannerFleets.device("b", state: .failed)
        failed.problem = "prefill: out of memory"
        let fleet = PlannerFleets.fleet([
            PlannerFleets.device("a", state: .registered), failed, PlannerFleets.device("c", alive: []),
            PlannerFleets.device("d"),
        ])
        do {
            _ = try fleet.problem(excluding: ["d"])
            Issue.record("a device was found")
        } catch {
            #expect(error.code == "no_devices")
            for part in [
                "a is registered", "b is failed (prefill: out of memory)", "c has no live worker", "d is excluded",
            ] {
                #expect(error.message.contains(part), "\(error.message)")
            }
        }
    }
}
