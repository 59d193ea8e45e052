import CostModel
import Domain
import Foundation
import Planning
import Scenarios
import Scheduling
import Testing

@testable import Simulation

/// What the baselines sustain beside plans that other code made by the same rules: a comparison is worth what its strongest
/// rival is worth.
@Suite struct StrongBaselineTests {
    /// A folder of fleets, streams and reference plans, named `FLEET/MODEL/STREAM/POLICY`.
    struct Folder: Sendable, CustomTestStringConvertible {
        var url: URL
        var testDescription: String { url.lastPathComponent }

        private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        static let fixture = Folder(url: root.appendingPathComponent("Tests/Fixtures/strong-baselines"))
        /// All of them: beside the repository, where they are there.
        static let shared = Folder(
            url: root.deletingLastPathComponent().appendingPathComponent("shared/scenarios/strong-baselines"))

        var isThere: Bool { FileManager.default.fileExists(atPath: url.appendingPathComponent("plans.json").path) }

        func bytes(_ name: String) throws -> [UInt8] {
            [UInt8](try Data(contentsOf: url.appendingPathComponent(name)))
        }

        /// The reference plans; of many, every one whose number leaves no remainder.
        func plans(every step: Int = 1) throws -> [GroupPlan] {
            try PlanFile.read(try bytes("plans.json")).enumerated().filter { $0.offset % step == 0 }.map(\.element)
        }
    }

    /// A fleet with traffic and the system that is asked.
    struct Question {
        var fleet: SimulatedFleet
        var stream: RequestStream
        var system: SimulatedSystem
        var reference: PlacementPlan
        let conditions = SystemConditions()

        init(_ plan: GroupPlan, _ folder: Folder) throws {
            let names = plan.scenario.split(separator: "/").map(String.init)
            let described = try FleetFile.read(try folder.bytes("\(names[0]).json"))
            let model = try #require(ModelCatalogue.named(names[1]))
            try plan.check(fleet: described, model: model)
            stream = try WorkloadFile.read(try folder.bytes("\(names[2]).csv"), name: names[2])
            system = try #require(SimulatedSystem(rawValue: names[3]))
            let cost = try described.cost(model)
            fleet = SimulatedFleet(
                name: names[0], cost: cost,
                types: Dictionary(uniqueKeysWithValues: described.devices.map { ($0.id, $0.type) }),
                sites: Dictionary(uniqueKeysWithValues: described.devices.map { ($0.id, $0.site) }))
            let replicas = plan.groups.map { group in
                PlanReplica(
                    id: ReplicaID(group.id), role: group.role, stages: group.planStages, decodeConcurrency: 0,
                    kvCapacityTokens: 0, predictedRequestsPerSecond: 0, predictedTokenGapSeconds: 0)
            }
            reference = PlacementPlan(
                id: "reference", model: model.digest, fleetVersion: 0, workload: WorkloadStatistics(),
                replicas: replicas, predictedRequestsPerSecond: 0, objective: 0, algorithm: "file"
            ).completed(
                cost, requestTokens: Int(stream.statistics.total.mean), largestBatch: conditions.largestBatch)
        }

        func plan(_ system: SimulatedSystem) throws -> PlacementPlan {
            let statistics = stream.statistics
            let demand = PlanningDemand(
                rate: 1, promptTokens: statistics.prompt.mean, outputTokens: statistics.output.mean,
                longestRequestTokens: statistics.total.max, arrivalVariation: statistics.arrivalVariation,
                promptVariation: statistics.prompt.variation, outputVariation: statistics.output.variation)
            return try system.plan(fleet, demand, conditions).plan
        }

        func capacity(_ system: SimulatedSystem, _ plan: PlacementPlan, from guess: Double) throws -> Double {
            var search = CapacitySearch()
            search.precision = 0.005
            return try search.capacity(from: guess) { rate throws(SimulationError) in
                try system.run(
                    try SimulatedTraffic(stream, rate: rate).evenlySpaced, on: SystemPlan(plan: plan), fleet: fleet,
                    conditions)
            }
        }
    }

    /// Share of what the reference plan sustains that ours must sustain under the same policy.
    private static let leastShare = 0.98

    private func compare(_ plan: GroupPlan, _ folder: Folder) throws {
        let question = try Question(plan, folder)
        let ours = try question.plan(question.system)
        // The same groups may still differ by a few percent: by which of equal groups comes first where backlogs are equal.
        guard Self.placement(ours) != Self.placement(question.reference) else { return }
        let theirs = try question.capacity(
            question.system, question.reference, from: ours.predictedRequestsPerSecond)
        let capacity = try question.capacity(question.system, ours, from: theirs)
        #expect(
            capacity >= Self.leastShare * theirs,
            "\(plan.scenario): \(capacity) requests/s, the reference plan sustains \(theirs)")
    }

    private static func placement(_ plan: PlacementPlan) -> Set<[String]> {
        Set(
            plan.replicas.map { replica in [replica.role.rawValue] + replica.stages.map { "\($0.device) \($0.layers)" }
            })
    }

    @Test func sustainWhatAReferencePlanDoes() throws {
        let plans = try Folder.fixture.plans()
        #expect(plans.count == 3)
        for plan in plans { try compare(plan, .fixture) }
    }

    /// One of four, so that the suite does not take minutes; `E2LLM_ALL_BASELINES` asks for all of them.
    @Test(.enabled(if: Folder.shared.isThere, "there is no ../shared/scenarios/strong-baselines"))
    func sustainWhatAllReferencePlansDo() throws {
        let isWhole = ProcessInfo.processInfo.environment["E2LLM_ALL_BASELINES"] != nil
        let plans = try Folder.shared.plans(every: isWhole ? 1 : 4)
        #expect(plans.count >= 20)
        for plan in plans { try compare(plan, .shared) }
    }

    /// Chunks that ride on decode steps do not stall them: with its own scheduler b0c bears at least what b0 does.
    @Test func chunkedPrefillIsTheStrongerColocation() throws {
        for plan in try Folder.fixture.plans() where plan.scenario.hasSuffix("b0") {
            let question = try Question(plan, .fixture)
            let (whole, chunked) = (try question.plan(.b0), try question.plan(.b0c))
            #expect(chunked.replicas.allSatisfy { $0.role == .mixed } && chunked.kvType == .f16)
            #expect(chunked.algorithm == "b0c")
            let capacity = try question.capacity(.b0, whole, from: whole.predictedRequestsPerSecond)
            let rival = try question.capacity(.b0c, chunked, from: capacity)
            #expect(rival >= 0.98 * capacity, "\(plan.scenario): \(rival) of \(capacity) requests/s")
        }
    }

    /// The same question has the same answer, although it is chosen by trials, and without trials that of the rules.
    @Test func choicesAreDeterministic() throws {
        let plan = try #require(try Folder.fixture.plans().first { $0.scenario.hasSuffix("b3") })
        let question = try Question(plan, .fixture)
        let first = try question.plan(.b3)
        #expect(try question.plan(.b3) == first)
        var task = question.system.task(
            question.fleet, PlanningDemand(rate: 1, promptTokens: 700, outputTokens: 25), SystemConditions())
        #expect(try task.answer().result?.tried ?? 0 > 1)
        task.deadline = 1
        let late = try task.answer { 2 }
        #expect(late.result?.tried == 0, "no trial begins after the deadline")
        task.triesPlans = false
        let ruled = try task.answer()
        #expect(ruled.result?.tried == 0 && ruled.plan.replicas == late.plan.replicas)
    }
}
