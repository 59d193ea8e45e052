internal import CostModel
internal import Domain

/// Whether a plan can be simulated on a fleet.
enum PlanCheck {
    /// What is wrong, naming replica and device; `nil` where nothing is.
    static func problem(_ plan: PlacementPlan, _ cost: FleetCost) -> String? {
        if let problem = plan.problem(layers: cost.model.layers) { return problem }
        guard cost.model.allows(plan.kvType) else {
            return
                "KV type \(plan.kvType.rawValue): the heads of \(cost.model.name) have \(cost.model.headDim) components"
        }
        let cost = cost.keeping(plan.kvType)
        for replica in plan.replicas {
            for stage in replica.stages {
                guard let device = cost.device(stage.device) else {
                    return "replica \(replica.id): there is no device \(stage.device)"
                }
                let bytes = cost.memoryBytes(stage.layers, kvTokens: 1)
                if bytes > device.memoryBytes {
                    return
                        "replica \(replica.id): layers \(stage.layers) take \(bytes) bytes, device \(stage.device) has "
                        + "\(device.memoryBytes)"
                }
            }
        }
        return nil
    }
}
