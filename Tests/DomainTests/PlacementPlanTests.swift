import Domain
import Testing

@Suite struct PlacementPlanTests {
    private func plan(_ replicas: [(ReplicaRole, [(String, Int, Int)])]) -> PlacementPlan {
        PlacementPlan(
            id: "p", model: "m", fleetVersion: 1, workload: WorkloadStatistics(),
            replicas: replicas.enumerated().map { index, replica in
                PlanReplica(
                    id: ReplicaID("r\(index)"), role: replica.0,
                    stages: replica.1.map { PlanStage(device: DeviceID($0.0), layers: LayerRange($0.1, $0.2)) },
                    decodeConcurrency: 1, kvCapacityTokens: 100, predictedRequestsPerSecond: 1,
                    predictedTokenGapSeconds: 0.1)
            }, predictedRequestsPerSecond: 1, objective: 0, algorithm: "test")
    }

    @Test func acceptsASoundPlan() {
        let sound = plan([(.prefill, [("a", 0, 4)]), (.decode, [("b", 0, 1), ("c", 1, 4)])])
        #expect(sound.problem(layers: 4) == nil)
        #expect(plan([(.mixed, [("a", 0, 4)])]).problem(layers: 4) == nil)
    }

    @Test func namesWhatIsWrong() {
        #expect(plan([(.mixed, [("a", 0, 3)])]).problem(layers: 4)?.contains("3 of 4") == true)
        #expect(plan([(.mixed, [("a", 0, 2), ("b", 3, 4)])]).problem(layers: 4)?.contains("layer 2") == true)
        #expect(plan([(.mixed, [("a", 0, 2), ("a", 2, 4)])]).problem(layers: 4)?.contains("a is in two") == true)
        #expect(plan([(.prefill, [("a", 0, 4)])]).problem(layers: 4)?.contains("decode") == true)
        #expect(plan([]).problem(layers: 4) != nil)
    }
}
