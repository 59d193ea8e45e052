import Domain
import Planning

/// How groups are searched.
enum SearchAlgorithm: String, Sendable, CaseIterable {
    /// The placement planner: exact on small fleets, with an upper bound for every plan; computes layer ranges itself.
    case standard = "default"
    /// A two-chromosome genetic algorithm; the partitioner finds the order and the layers of every group.
    case genetic
    /// The same, with the stages of a group in the order of the chromosome, as in the paper.
    case paper
}

/// Which roles may stand in one plan.
enum SearchRoles: String, Sendable, CaseIterable {
    /// `any` for the default algorithm, `split` for the others.
    case auto
    case any, uniform, split, mixed
}

/// How plans are searched.
struct SearchSettings: Sendable, Hashable {
    /// Who searches.
    var algorithm = SearchAlgorithm.standard
    /// Roles; the genetic algorithms know `split` and `any`.
    var roles = SearchRoles.auto
    /// Options of the genetic algorithms; the default one shares those that limit plans, and has no minimum decode speed.
    var options: PlanningOptions = {
        var options = PlanningOptions()
        options.minimumTokensPerSecond = 0
        return options
    }()
    /// How keys and values may be kept and sent; the genetic algorithms keep f16.
    var kvTypes: Set<KVType> = [.f16, .q8_0]
    /// When a better plan is worth the move.
    var moving = MovingPolicy()
    /// Whether the default algorithm tries its best plans out in simulation before it chooses one.
    var triesPlans = true
    /// After this many seconds the best plan so far is taken.
    var searchSeconds = 20.0

    /// What is wrong with the settings together; `nil` where nothing is.
    var problem: String? {
        guard algorithm != .standard, roles == .uniform || roles == .mixed else { return nil }
        return "clusterer.roles: the algorithm \(algorithm.rawValue) knows auto, split and any, not \(roles.rawValue)"
    }

    /// The options of the genetic algorithms.
    var geneticOptions: PlanningOptions {
        var options = options
        options.orderedGroups = algorithm == .paper
        options.allowMixed = roles == .any
        return options
    }

    /// The limits of the default algorithm, and of what plans are compared by.
    func limits(_ model: ModelDescription) -> PlanningLimits {
        var limits = PlanningLimits()
        switch roles {
        case .auto, .any: limits.roles = .any
        case .uniform: limits.roles = .uniform
        case .split: limits.roles = .split
        case .mixed: limits.roles = .mixed
        }
        limits.largestBatch = options.largestDecodeConcurrency
        limits.minimumTokensPerSecond = options.minimumTokensPerSecond
        limits.longestRequestTokens = options.reservedContextTokens > 0 ? options.reservedContextTokens : 2048
        if model.maxContext > 0 { limits.longestRequestTokens = min(limits.longestRequestTokens, model.maxContext) }
        limits.mayReduceContext = true
        limits.chunkTokens = options.chunkTokens
        limits.kvTypes = kvTypes
        return limits
    }
}
