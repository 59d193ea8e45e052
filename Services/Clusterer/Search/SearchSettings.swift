import Domain
import Planning
import Simulation

/// Which roles may stand in one plan.
enum SearchRoles: String, Sendable, CaseIterable {
    /// `split` for the genetic algorithms, `any` for the others.
    case auto
    case any, uniform, split, mixed
}

/// How plans are searched.
struct SearchSettings: Sendable, Hashable {
    /// Who searches.
    var algorithm = PlanningAlgorithm.standard
    /// A plan that is proposed instead of one that was searched.
    var plan: PlacementPlan?
    /// Roles; the genetic algorithms know `split` and `any`.
    var roles = SearchRoles.auto
    /// What plans may use and must keep; `roles` says which roles, and where it names no longest request it is the context, at
    /// most 2048 tokens.
    var limits: PlanningLimits = {
        var limits = PlanningLimits()
        limits.mayReduceContext = true
        return limits
    }()
    /// How hard the genetic algorithms search; the rest they know from the limits.
    var genetic = PlanningOptions()
    /// When a better plan is worth the move.
    var moving = MovingPolicy()
    /// Whether the default algorithm tries its best plans out in simulation before it chooses one.
    var triesPlans = true
    /// After this many seconds the best plan so far is taken.
    var searchSeconds = 20.0

    /// What is wrong with the settings together; `nil` where nothing is.
    var problem: String? {
        guard algorithm.isGenetic, roles == .uniform || roles == .mixed else { return nil }
        return "clusterer.roles: the algorithm \(algorithm.rawValue) knows auto, split and any, not \(roles.rawValue)"
    }

    /// The limits of plans for a model.
    func limits(_ model: ModelDescription) -> PlanningLimits {
        var limits = limits
        limits.roles =
            switch roles {
            case .auto: algorithm.isGenetic ? .split : .any
            case .any: .any
            case .uniform: .uniform
            case .split: .split
            case .mixed: .mixed
            }
        if limits.longestRequestTokens == 0 { limits.longestRequestTokens = 2048 }
        if model.maxContext > 0 { limits.longestRequestTokens = min(limits.longestRequestTokens, model.maxContext) }
        return limits
    }
}
