import Domain
import Foundation
import Planning
import ServiceRuntime
import Simulation
import Testing

@testable import Clusterer

/// Who plans, by name; and a plan that is given as a file.
@Suite("Clusterer: given plans and names") struct GivenPlanTests {
    private func configuration(_ settings: [String]) throws -> ClustererConfiguration {
        try ClustererConfiguration(
            reader: Settings(keys: ClustererConfiguration.keys, arguments: settings, environment: [:]))
    }

    private func refusal(_ settings: [String]) -> String? {
        do {
            _ = try configuration(settings)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func namesAreThoseOfSimulations() throws {
        for (name, algorithm) in [
            ("e2llm", PlanningAlgorithm.standard), ("default", .standard), ("paper", .paper), ("b0", .b0),
            ("b0c", .b0c), ("b1", .b1), ("b1m", .b1), ("b3", .b3), ("hexgen2", .hexgen2), ("helix", .helix),
            ("splitwise-adapted", .splitwiseAdapted),
        ] {
            #expect(try configuration(["clusterer.algorithm=\(name)"]).search.algorithm == algorithm)
        }
        let text = try #require(refusal(["clusterer.algorithm=b9"]))
        #expect(text.contains("b9") && text.contains("splitwise-adapted") && text.contains("b1m"))
    }

    /// A plan with the whole model on one device.
    private func plan(_ device: DeviceID, model: ModelDigest = "digest") -> PlacementPlan {
        PlacementPlan(
            id: "given", model: model, fleetVersion: 0, workload: WorkloadStatistics(),
            replicas: [
                PlanReplica(
                    id: "m", role: .mixed, stages: [PlanStage(device: device, layers: LayerRange(0, 12))],
                    decodeConcurrency: 4, kvCapacityTokens: 1000, predictedRequestsPerSecond: 1,
                    predictedTokenGapSeconds: 0.1)
            ], predictedRequestsPerSecond: 1, objective: 0, algorithm: "by hand")
    }

    private func order(_ plan: PlacementPlan, inForce: PlacementPlan? = nil) throws -> SearchOrder {
        var settings = SearchSettings()
        settings.plan = plan
        let fleet = PlannerFleets.fleet()
        return SearchOrder(
            problem: try fleet.problem(excluding: []), fleetVersion: fleet.version, workload: WorkloadStatistics(),
            seed: 1, settings: settings, inForce: inForce)
    }

    @Test func aGivenPlanIsTheAnswer() throws {
        let given = plan("a")
        let outcome = try GivenPlan.outcome(given, order(given))
        #expect(outcome.plan.replicas == given.replicas && outcome.plan.id == "given")
        #expect(outcome.plan.fleetVersion == PlannerFleets.fleet().version && outcome.move == nil)
    }

    @Test func thePlanInForceStaysOrIsReplaced() throws {
        let given = plan("a")
        let stays = try GivenPlan.outcome(given, order(given, inForce: given))
        #expect(stays.move?.replaces == false && stays.plan.replicas == given.replicas)
        let replaced = try GivenPlan.outcome(given, order(given, inForce: plan("b")))
        #expect(replaced.move?.replaces == true && replaced.plan.replicas == given.replicas)
    }

    @Test func whatDoesNotFitTheFleetIsRefused() throws {
        func fault(_ plan: PlacementPlan) throws -> Fault? {
            do {
                _ = try GivenPlan.outcome(plan, order(plan))
                return nil
            } catch let error as Fault {
                return error
            }
        }
        let absent = try #require(try fault(plan("nobody")))
        #expect(absent.code == "no_plan" && absent.message.contains("nobody") && absent.isRetriable)
        let other = try #require(try fault(plan("a", model: "other")))
        #expect(other.message.contains("other") && !other.isRetriable)
        var short = plan("a")
        short.replicas[0].stages[0].layers = LayerRange(0, 3)
        #expect(try fault(short)?.message.contains("covers 3 of 12 layers") == true)
    }

    @Test func filesAreReadAndRefused() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("plan-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try JSONEncoder().encode(plan("a")).write(to: file)
        #expect(try configuration(["clusterer.plan=\(file.path)"]).search.plan == plan("a"))
        try Data("{\"id\": 3}".utf8).write(to: file)
        #expect(refusal(["clusterer.plan=\(file.path)"])?.contains(file.lastPathComponent) == true)
        #expect(refusal(["clusterer.plan=/nowhere/plan.json"])?.contains("/nowhere/plan.json cannot be read") == true)
    }
}
