import Domain
import Scenarios
import Testing

@Suite struct PlanFileTests {
    private let scenario = "example-4/llama-2-7b-q4"

    @Test func readsAndWrites() throws {
        let plans = try PlanFile.read(Fixtures.plan.utf8)
        let plan = try #require(plans.first)
        #expect(plans.count == 1 && plan.scenario == scenario)
        #expect(plan.groups.map(\.id) == ["g0", "g1"])
        #expect(plan.groups.map(\.role) == [.prefill, .decode])
        #expect(
            plan.groups[1].planStages == [
                PlanStage(device: "nano02", layers: LayerRange(0, 20)),
                PlanStage(device: "pi01", layers: LayerRange(20, 32)),
            ])
        try plan.check(fleet: .example(), model: .llama2())
        #expect(try PlanFile.read(PlanFile.write(plans)) == plans)
    }

    @Test func severalScenariosInOrder() throws {
        let group = PlannedGroup(id: "g", role: .mixed, stages: [("d", layers: 2)])
        let plans = ["b", "a", "10", "9"].map { GroupPlan(scenario: $0, groups: [group]) }
        #expect(try PlanFile.read(PlanFile.write(plans)).map(\.scenario) == ["10", "9", "a", "b"])
        refused(.duplicateName, "plan: a has two plans") { _ = try PlanFile.write([plans[1], plans[1]]) }
        #expect(try PlanFile.read("{}".utf8).isEmpty)
        let empty = try PlanFile.read(#"{"s": {"groups": [], "note": 1}}"#.utf8)
        #expect(empty == [GroupPlan(scenario: "s", groups: [])])
    }

    @Test func takesAPlacementPlan() {
        let replica = PlanReplica(
            id: "r0", role: .mixed,
            stages: [
                PlanStage(device: "a", layers: LayerRange(0, 20)), PlanStage(device: "b", layers: LayerRange(20, 32)),
            ], decodeConcurrency: 1, kvCapacityTokens: 1, predictedRequestsPerSecond: 1, predictedTokenGapSeconds: 1)
        let plan = PlacementPlan(
            id: "p", model: "", fleetVersion: 1, workload: WorkloadStatistics(), replicas: [replica],
            predictedRequestsPerSecond: 1, objective: 0, algorithm: "")
        let wanted = PlannedGroup(id: "r0", role: .mixed, stages: [("a", layers: 20), ("b", layers: 12)])
        #expect(GroupPlan(scenario: "s", plan: plan) == GroupPlan(scenario: "s", groups: [wanted]))
        #expect(wanted.planStages == replica.stages)
    }

    static let faults = [
        Fault("{", "", .malformed, "plan: not valid JSON"),
        Fault("{\"groups\": [", "[[", .malformed, "plan: not valid JSON"),
        Fault("\"groups\"", "\"group\"", .invalidField, "plan: example-4/llama-2-7b-q4.groups is missing"),
        Fault("\"id\": \"g1\", ", "", .invalidField, "llama-2-7b-q4.groups[1].id is missing"),
        Fault("\"g1\"", "\"\"", .invalidField, "llama-2-7b-q4.groups[1].id is empty"),
        Fault("\"D\"", "\"Q\"", .invalidField, "llama-2-7b-q4.groups[1] (g1).role is Q, it must be P, D or M"),
        Fault("\"D\"", "4", .invalidField, "llama-2-7b-q4.groups[1] (g1).role is not a text"),
        Fault("\"pi01\", 12", "\"pi01\", 0", .invalidField, "groups[1] (g1).stages[1] (pi01) has 0 layers"),
        Fault("\"pi01\", 12", "\"pi01\", -3", .invalidField, "groups[1] (g1).stages[1] (pi01) has -3 layers"),
        Fault("\"pi01\", 12", "\"pi01\", 1.5", .invalidField, "groups[1] (g1).stages[1] (pi01) has 1.5 layers"),
        Fault("\"pi01\", 12", "\"pi01\", 1e40", .invalidField, "groups[1] (g1).stages[1] (pi01) has 1e+40 layers"),
        Fault("\"pi01\", 12", "\"pi01\"", .invalidField, "groups[1] (g1).stages[1]"),
        Fault("\"pi01\", 12", "\"pi01\", 12, 3", .invalidField, "a stage is a pair of a device and a number of layers"),
        Fault("\"pi01\", 12", "12, \"pi01\"", .invalidField, "groups[1] (g1).stages[1][0] is not a text"),
    ]

    @Test(arguments: faults) func names(_ fault: Fault) {
        fault.expect(in: Fixtures.plan) { _ = try PlanFile.read($0.utf8) }
    }

    static let misfits = [
        Fault(
            "\"pi01\"", "\"pi09\"", .unknownName, "groups[1] (g1).stages[1] (pi09) is not a device of example-4; its"),
        Fault(
            "\"pi01\"", "\"rtx01\"", .invalidPlan, "groups[1] (g1).stages[1] (rtx01): the device is in group g0 alre"),
        Fault("\"pi01\"", "\"nano02\"", .invalidPlan, "stages[1] (nano02): the device is in group g1 already"),
        Fault(
            "\"pi01\", 12", "\"pi01\", 11", .invalidPlan, "groups[1] (g1).stages hold 31 layers, llama-2-7b-q4 has 32"),
        Fault("\"pi01\", 12", "\"pi01\", 13", .invalidPlan, "groups[1] (g1).stages[1] (pi01) holds layers 20..<33"),
        Fault("\"g1\"", "\"g0\"", .duplicateName, "groups[1] (g0).id is used by another group too"),
        Fault("\"D\"", "\"P\"", .invalidPlan, "plan: example-4/llama-2-7b-q4.groups: none serves the decode phase"),
        Fault("\"P\"", "\"D\"", .invalidPlan, "plan: example-4/llama-2-7b-q4.groups: none serves the prefill phase"),
        Fault("[[\"nano02\", 20], [\"pi01\", 12]]", "[]", .invalidPlan, "groups[1] (g1).stages: there are none"),
        Fault(
            "\"nano02\", 20], [\"pi01\", 12", "\"nano02\", 2], [\"pi01\", 30", .invalidPlan,
            "stages[1] (pi01): 30 layers need 3523600384 bytes of weights, the device has 2600000000"),
    ]

    @Test(arguments: misfits) func namesWhatDoesNotFit(_ fault: Fault) {
        fault.expect(in: Fixtures.plan) { text in
            let plan = try #require(try PlanFile.read(text.utf8).first)
            try plan.check(fleet: .example(), model: .llama2())
        }
    }

    @Test func emptyPlansAndMixedOnes() throws {
        refused(.invalidPlan, "plan: s.groups: there are none") {
            try GroupPlan(scenario: "s", groups: []).check(fleet: .example(), model: .llama2())
        }
        let mixed = PlannedGroup(id: "m", role: .mixed, stages: [("rtx01", layers: 20), ("nano01", layers: 12)])
        try GroupPlan(scenario: "s", groups: [mixed]).check(fleet: .example(), model: .llama2())
        refused(.tooLarge, "plan: 2 bytes, at most 1") { _ = try PlanFile.read("{}".utf8, limit: 1) }
    }
}
