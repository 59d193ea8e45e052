public import CostModel
public import Domain
public import Planning
public import Scheduling

/// The systems that can be simulated, by name: who plans, and who schedules.
public enum SimulatedSystem: String, Codable, Sendable, Hashable, CaseIterable {
    /// The default planner and the services.
    case e2llm
    /// The paper's planner (genetic grouping, dynamic programming) and the least estimated wait.
    case paper
    /// The paper's adapted Splitwise: that planner under the rule that prefill replicas are at least as fast as decoder
    /// replicas, and routing by tokens.
    case splitwiseAdapted = "splitwise-adapted"
    /// Baseline planners with their schedulers.
    case b0, b1, b2, b3
    /// The plans of b0 under the services: prompts in chunks that ride on decode steps, as in Sarathi-Serve (Agrawal et al.,
    /// OSDI 2024) and vLLM. The strongest rival that does not split phases.
    case b0c
    /// Planners for unequal devices from their published descriptions: HexGen-2 (ICLR 2025) splits phases, Helix (ASPLOS 2025)
    /// does not. Under the reference behaviour.
    case hexgen2, helix
    /// The groups of b1 under Splitwise's scheduler with a mixed pool.
    case b1m
    /// The default planner with the scheduler of b3.
    case plannerOnly = "b4-planner"
    /// The plan of b3 with the services.
    case schedulerOnly = "b4-scheduler"

    /// A line for people.
    public var title: String {
        switch self {
        case .e2llm: "E2LLM: default planner and scheduler"
        case .paper: "E2LLM as in the paper: genetic grouping, least estimated wait"
        case .splitwiseAdapted: "Splitwise as the paper adapts it: fastest replicas prefill, least tokens"
        case .b0: "B0: colocated, least backlog"
        case .b0c: "B0c: colocated, chunked prefill rides on decode steps, our scheduler"
        case .hexgen2: "HexGen-2: flow-guided search, split phases, least backlog"
        case .helix: "Helix: pipelines of the largest flow, least backlog"
        case .b1: "B1: Splitwise-literal, least tokens"
        case .b1m: "B1m: Splitwise-literal with mixed pool"
        case .b2: "B2: Splitwise with the best ratio, least backlog"
        case .b3: "B3: Splitwise-strong, least backlog"
        case .plannerOnly: "B4: our plan, scheduler of B3"
        case .schedulerOnly: "B4: plan of B3, our scheduler"
        }
    }

    /// The baseline whose plan it has.
    public var baseline: Baseline.Kind? {
        switch self {
        case .b0, .b0c: .b0
        case .hexgen2: .hexgen2
        case .helix: .helix
        case .b1, .b1m: .b1
        case .b2: .b2
        case .b3, .schedulerOnly: .b3
        case .e2llm, .paper, .splitwiseAdapted, .plannerOnly: nil
        }
    }

    /// Whether the services' scheduler runs it; the others run under the reference behaviour.
    public var hasServices: Bool { self == .e2llm || self == .schedulerOnly || self == .b0c }

    /// Whether it has the default planner.
    public var hasDefaultPlanner: Bool { self == .e2llm || self == .plannerOnly }

    /// Whether it has the paper's planner. Such a plan's decode concurrency keeps the minimum decode speed, so a replica
    /// decodes no more together than the plan says.
    public var hasPaperPlanner: Bool { self == .paper || self == .splitwiseAdapted }
}

/// A fleet with a model, as systems are asked to plan for it.
public struct SimulatedFleet: Sendable {
    /// Its name.
    public var name: String
    /// What it costs for the model.
    public var cost: FleetCost
    /// The types of the devices, and where they stand.
    public var types: [DeviceID: String]
    /// Where the devices stand.
    public var sites: [DeviceID: String]

    /// Makes a fleet.
    public init(name: String, cost: FleetCost, types: [DeviceID: String] = [:], sites: [DeviceID: String] = [:]) {
        self.name = name
        self.cost = cost
        self.types = types
        self.sites = sites
    }
}

/// What all systems of a comparison may use.
public struct SystemConditions: Sendable {
    /// Whether KV travels while the prompt is computed.
    public var streams = true
    /// How the default planner may keep and send keys and values; all others do it in f16.
    public var kvTypes: Set<KVType> = [.f16, .q8_0]
    /// Roles that the default planner may mix in one plan.
    public var roles = PlanningLimits.Roles.any
    /// Tokens of a prefill chunk; `nil` for whole prompts. Baselines but b0c compute whole prompts.
    public var chunkTokens: Int? = 256
    /// Most sequences that a replica decodes together.
    public var largestBatch = 16
    /// Whether the services decode as many sequences together as workers do for a plan, instead of `largestBatch`.
    public var batchesAsPlanned = false
    /// What schedulers may know of output lengths.
    public var lengthKnowledge = LengthKnowledge.mean
    /// Least tokens per second of every decoding request; 0 for none.
    public var minimumTokensPerSecond = 0.0
    /// Whether the default planner must keep that speed whatever it costs.
    public var minimumIsHard = false
    /// How the services choose replicas.
    public var routing = RoutingPolicy.estimatedWait
    /// Longest prompt that a pure decoder may prefill for itself while prefill replicas serve.
    public var localPrefillTokens = SimulationSettings().localPrefillTokens
    /// Times that the services let later requests go before one.
    public var mostOvertakers = SimulationSettings().mostOvertakers
    /// Whether the default planner, and baselines, try their best plans out before they choose one.
    public var triesPlans = true
    /// The seed of searches.
    public var seed: UInt64 = 1
    /// What happens to devices; only the services can cope.
    public var faults: [SimulatedFault] = []
    /// What records tell of devices and links over time; `nil` for nothing, which is faster.
    public var timeline: TimelineSettings?

    /// Makes the defaults.
    public init() {}

    /// What the services may use, whatever the plan.
    var serviceSettings: SimulationSettings {
        var settings = SimulationSettings()
        settings.largestBatch = batchesAsPlanned ? nil : largestBatch
        settings.chunkTokens = chunkTokens
        settings.streams = streams
        settings.lengthKnowledge = lengthKnowledge
        settings.routing = routing
        settings.localPrefillTokens = localPrefillTokens
        settings.mostOvertakers = mostOvertakers
        return settings
    }

    /// The limits of plans for a system.
    public func limits(_ system: SimulatedSystem) -> PlanningLimits {
        var limits = PlanningLimits()
        limits.roles = system == .b0c ? .mixed : system.baseline == nil ? roles : .any
        limits.largestBatch = largestBatch
        limits.minimumTokensPerSecond = minimumTokensPerSecond
        limits.minimumIsHard = minimumIsHard
        limits.chunkTokens = streams ? chunkTokens ?? 256 : nil
        limits.kvTypes = system.hasDefaultPlanner ? kvTypes : [.f16]
        return limits
    }
}

/// A plan of a system.
public struct SystemPlan: Sendable {
    /// The plan.
    public var plan: PlacementPlan

    /// Makes a plan.
    public init(plan: PlacementPlan) { self.plan = plan }
}

extension SimulatedSystem {
    /// Plans for a fleet.
    ///
    /// - Throws: `noPlan`, `invalidSetting`.
    public func plan(
        _ fleet: SimulatedFleet, _ demand: PlanningDemand, _ conditions: SystemConditions
    ) throws(SimulationError) -> SystemPlan {
        do throws(PlanningError) {
            var answer = try task(fleet, demand, conditions).answer()
            if baseline != nil { answer.plan.algorithm = rawValue }
            if self == .paper { answer.plan.algorithm = "\(rawValue), \(answer.plan.algorithm)" }
            return SystemPlan(plan: answer.plan)
        } catch {
            throw SimulationError(.noPlan, "\(rawValue): \(error)")
        }
    }

    /// What its planner is asked.
    func task(_ fleet: SimulatedFleet, _ demand: PlanningDemand, _ conditions: SystemConditions) -> PlanningTask {
        var task = PlanningTask(cost: fleet.cost, demand: demand, limits: conditions.limits(self))
        task.algorithm =
            switch self {
            case .e2llm, .plannerOnly: .standard
            case .paper: .paper
            case .splitwiseAdapted: .splitwiseAdapted
            case .b0: .b0
            case .b0c: .b0c
            case .hexgen2: .hexgen2
            case .helix: .helix
            case .b1, .b1m: .b1
            case .b2: .b2
            case .b3, .schedulerOnly: .b3
            }
        (task.types, task.sites) = (fleet.types, fleet.sites)
        task.seed = conditions.seed
        task.triesPlans = conditions.triesPlans
        task.services = conditions.serviceSettings
        task.reference = referenceSettings(conditions)
        return task
    }

    private var referenceRouting: ReferenceRouting {
        switch self {
        case .b1, .splitwiseAdapted: .tokens
        case .b1m: .mixedPools
        default: .backlog
        }
    }

    /// The reference behaviour under these conditions, but for what depends on the traffic.
    private func referenceSettings(_ conditions: SystemConditions) -> ReferenceSettings {
        var settings = ReferenceSettings()
        settings.routing = referenceRouting
        settings.keepsConcurrency = hasPaperPlanner
        settings.largestBatch = conditions.largestBatch
        settings.streams = conditions.streams
        settings.lengthKnowledge = conditions.lengthKnowledge
        return settings
    }

    /// Runs traffic on a plan.
    ///
    /// - Throws: `invalidPlan`, `invalidSetting`, `invalidTraffic`.
    public func run(
        _ traffic: SimulatedTraffic, on plan: SystemPlan, fleet: SimulatedFleet, _ conditions: SystemConditions,
        progress: (Int) -> Void = { _ in }
    ) throws(SimulationError) -> RunRecord {
        var record: RunRecord
        if hasServices {
            var settings = conditions.serviceSettings
            settings.timeline = conditions.timeline
            var services = SimulatedServices(settings)
            services.faults = conditions.faults
            services.planning = SimulatedServices.Replanning(
                task(fleet, PlanningDemand(WorkloadStatistics()), conditions))
            record = try services.run(traffic, plan: plan.plan, cost: fleet.cost, progress: progress)
        } else {
            guard conditions.faults.isEmpty else {
                throw SimulationError(.invalidSetting, "faults: only the services cope with them, not \(rawValue)")
            }
            var settings = referenceSettings(conditions)
            let outputs = traffic.requests.reduce(0) { $0 + $1.outputTokens }
            settings.timeline = conditions.timeline
            settings.meanOutputTokens = Double(outputs) / Double(max(1, traffic.requests.count))
            record = try ReferenceServices(settings).run(
                traffic, plan: plan.plan, cost: fleet.cost, progress: progress)
        }
        record.system = rawValue
        record.fleet = fleet.name
        record.seed = conditions.seed
        return record
    }
}
