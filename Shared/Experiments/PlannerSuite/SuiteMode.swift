internal import Domain
internal import Planning

/// What a comparison allows to planner and baselines alike; the raw values are names in files.
public enum SuiteMode: String, Codable, Sendable, Hashable, CaseIterable {
    /// No streaming, KV as f16; the planner's replicas are all mixed or all split.
    case off
    /// Streaming and KV as q8_0 for both sides; the planner mixes roles as it likes.
    case on

    /// The planner's limits. The minimum decode speed is off: baselines know none.
    var plannerLimits: PlanningLimits {
        var limits = baselineLimits
        switch self {
        case .off: limits.roles = .uniform
        case .on: limits.kvTypes = [.f16, .q8_0]
        }
        return limits
    }

    /// The limits of the baselines, whose roles are their own.
    var baselineLimits: PlanningLimits {
        var limits = PlanningLimits()
        limits.minimumTokensPerSecond = 0
        limits.kvTypes = [kvType]
        if self == .off { limits.chunkTokens = nil }
        return limits
    }

    /// The planner's limits with one KV type, so that all plans compared are of one instance.
    var exactLimits: PlanningLimits {
        var limits = plannerLimits
        limits.kvTypes = [kvType]
        return limits
    }

    /// The KV type of the baselines.
    var kvType: KVType { self == .off ? .f16 : .q8_0 }

    /// Kinds of plans that are allowed: the roles that may stand in one plan.
    var kinds: [Set<ReplicaRole>] {
        switch self {
        case .off: [[.mixed], [.prefill, .decode]]
        case .on: [Set(ReplicaRole.allCases)]
        }
    }
}
