public import CostModel
public import Domain

/// What a given plan is expected to do on a fleet under a workload, whenever it was made.
public struct PlanAssessment: Sendable, Hashable {
    /// Accumulated excess of the phases' processing times over the arrival interval, in seconds.
    public var excessSeconds: Double
    /// Mean seconds from arrival to the last token.
    public var requestSeconds: Double
    /// Requests per second that the system sustains.
    public var requestsPerSecond: Double
    /// Whether every decoder replica reaches the minimum decode speed.
    public var meetsMinimumSpeed: Bool

    /// Assesses a plan, or `nil` where it cannot run: a device is gone or lacks memory, or a phase is not served.
    ///
    /// - Throws: `invalidInput` where the workload makes no sense.
    public init?(
        _ plan: PlacementPlan, cost: FleetCost, workload: WorkloadStatistics,
        options: PlanningOptions = PlanningOptions()
    ) throws(PlanningError) {
        let traffic = try Traffic(workload)
        guard plan.problem(layers: cost.model.layers) == nil else { return nil }
        var members: [RoleMember] = []
        for (id, replica) in plan.replicas.enumerated() {
            guard let member = Self.member(id, replica, cost, traffic, options) else { return nil }
            members.append(member)
        }
        var system = SystemEstimate(cost: cost, traffic: traffic, options: options)
        guard let score = system.score(members)?.score else { return nil }
        excessSeconds = score.excessSeconds
        requestSeconds = score.requestSeconds
        requestsPerSecond = score.requestsPerSecond
        meetsMinimumSpeed = score.tooSlow == 0
    }

    private static func member(
        _ id: Int, _ replica: PlanReplica, _ cost: FleetCost, _ traffic: Traffic, _ options: PlanningOptions
    ) -> RoleMember? {
        guard cost.kvCapacityTokens(replica.stages) >= traffic.requestTokens else { return nil }
        let prefill = cost.prefillEstimate(
            replica.stages, tokens: traffic.promptTokens, chunkTokens: options.chunkTokens)
        var limited = options
        limited.largestDecodeConcurrency = max(1, min(replica.decodeConcurrency, 4096))
        let decode = DecodeOption(replica.stages, cost: cost, traffic: traffic, options: limited)
        switch replica.role {
        case .prefill: return prefill.map { RoleMember(id: id, stages: replica.stages, prefill: $0) }
        case .decode: return decode.map { RoleMember(id: id, decode: $0) }
        case .mixed:
            guard let prefill, let decode else { return nil }
            return RoleMember(id: id, prefill: prefill, decode: decode)
        }
    }
}
