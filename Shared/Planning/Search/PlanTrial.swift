public import Domain

/// Tries plans out, such as by simulating the services on them: queues, steps that prompts and sequences share, and links
/// are then seen as they are, where estimates know their means only.
public protocol PlanTrial: Sendable {
    /// Requests per second that a plan serves when more arrive than it can bear; `nil` where it cannot be tried.
    func sustainedRate(_ plan: PlacementPlan) -> Double?

    /// Mean times of a request at a rate, in seconds; `nil` where the plan cannot be tried.
    func times(_ plan: PlacementPlan, rate: Double) -> TrialTimes?
}

/// Mean times of a request in a trial, in seconds.
public struct TrialTimes: Sendable, Hashable {
    /// Everything that is not the request's own computation.
    public var waiting: Double
    /// Arrival to the last token.
    public var total: Double

    /// Makes times.
    public init(waiting: Double, total: Double) {
        self.waiting = waiting
        self.total = total
    }

    /// What is minimised, as for estimated times: waiting counts twice.
    var score: Double { waiting + total }
}

/// The plans that are worth a trial, and the best of them.
struct PlanFinal {
    let instance: PlanningInstance
    let choice: PlanChoice
    let trial: any PlanTrial
    let types: [DeviceID: String]
    let sites: [DeviceID: String]
    /// Whether time is up; what was not tried by then is left out.
    let shouldStop: () -> Bool

    /// Plans of one kind are tried where their estimated rate is at least this share of the best one's.
    private static let leastShare = 0.6
    /// Share of the best rate of its kind that a plan may lack.
    private static let kindTolerance = 0.1
    /// Share of the highest sustained rate that a plan may lack where its times make up for it.
    private static let mostLacking = 0.1
    /// How much times have to make up for a lower rate: by this power of the ratio.
    private static let ratePower = 8
    /// Rates beyond this multiple of the demand are as good as it: traffic that grows as much is planned for anew.
    private static let headroom = 1.25
    /// Plans of a kind that are tried because they are thought to serve the demand best.
    private static let fittingPlans = 3

    /// The best in the trials, and how many took part; `nil` where none could be tried: the one with the least times under
    /// the demand, where those of a plan that sustains less count for more.
    func best(_ finalists: [PlacedGroups]) -> (plan: PlacedGroups, tried: Int)? {
        var tried: [(groups: PlacedGroups, plan: PlacementPlan, rate: Double)] = []
        for groups in finalists where !shouldStop() {
            let plan = trialPlan(groups)
            if let rate = trial.sustainedRate(plan) { tried.append((groups, plan, rate)) }
        }
        guard let most = tried.map(\.rate).max(), most > 0 else { return nil }
        let enough = min(most, Self.headroom * instance.demand.rate)
        let eligible = tried.filter { $0.rate >= enough * (1 - Self.mostLacking) }.sorted { $0.rate > $1.rate }
        guard var best = eligible.first else { return nil }
        guard eligible.count > 1 else { return (best.groups, tried.count) }
        let rate = min(instance.demand.rate, 0.9 * most)
        var least = Double.infinity
        for entry in eligible where !(least.isFinite && shouldStop()) {
            guard let times = trial.times(entry.plan, rate: rate) else { continue }
            let lacking = max(1, enough / entry.rate)
            let penalty = (0..<Self.ratePower).reduce(1.0) { product, _ in product * lacking }
            if times.score * penalty < least { (best, least) = (entry, times.score * penalty) }
        }
        return (best.groups, tried.count)
    }

    /// Groups that carry a smaller part of their phase than this may be of no use.
    private static let smallShare = 0.05

    /// The plan without groups that no request should be sent to: those of little weight without which requests are not slower,
    /// and hardly fewer can be served. Their devices stay idle.
    func pruned(_ placed: PlacedGroups) -> PlacedGroups {
        guard !smallGroups(placed).isEmpty, var current = outcome(placed) else { return placed }
        let leastRate = current.rate * (1 - instance.limits.tolerance)
        var isSmaller = true
        while isSmaller, !shouldStop() {
            isSmaller = false
            for group in smallGroups(current.groups) where !shouldStop() {
                let rest = current.groups.groups.filter { $0 != group }
                guard isWhole(rest) else { continue }
                var routes = KVRoutes(instance)
                let without = PlacedGroups(rest, instance, &routes)
                guard keepsPromise(without, placed), let next = outcome(without), next.rate >= leastRate,
                    next.score <= current.score
                else { continue }
                current = next
                isSmaller = true
                break
            }
        }
        return current.groups
    }

    private struct Outcome {
        var groups: PlacedGroups
        var rate: Double
        var score: Double
    }

    private func outcome(_ groups: PlacedGroups) -> Outcome? {
        let plan = trialPlan(groups)
        guard let rate = trial.sustainedRate(plan), rate > 0,
            let times = trial.times(plan, rate: min(instance.demand.rate, 0.9 * rate))
        else { return nil }
        return Outcome(groups: groups, rate: rate, score: times.score)
    }

    private func trialPlan(_ groups: PlacedGroups) -> PlacementPlan {
        PlanningResult(
            instance: instance, placed: groups, upperBound: .infinity, isExact: false, relaxations: [],
            wasStopped: false
        ).placementPlan(algorithm: "trial")
    }

    /// Groups of little weight, the smallest first.
    private func smallGroups(_ placed: PlacedGroups) -> [GroupOption] {
        func together(_ group: GroupOption) -> Double {
            placed.groups.filter { $0.role == group.role || $0.role == .mixed }.reduce(0) { $0 + $1.rate }
        }
        return placed.groups.filter { $0.rate < Self.smallShare * together($0) }.sorted { $0.rate < $1.rate }
    }

    private func isWhole(_ groups: [GroupOption]) -> Bool {
        groups.contains { $0.role != .decode } && groups.contains { $0.role != .prefill }
    }

    private func keepsPromise(_ without: PlacedGroups, _ before: PlacedGroups) -> Bool {
        let needed = min(instance.limits.promisedContextTokens, before.contextTokens(instance))
        return without.contextTokens(instance) >= needed
    }

    /// The plans worth a trial: of every set of roles the one with the best score, the one with the highest rate, and where
    /// the demand is less some that serve it best; and those of the baselines.
    func finalists(_ candidates: [PlacedGroups], chosen: PlacedGroups, minimumSpeed: Double) -> [PlacedGroups] {
        var finalists = [chosen]
        func add(_ plan: PlacedGroups?) {
            if let plan, !finalists.contains(where: { $0.groups == plan.groups }) { finalists.append(plan) }
        }
        let most = candidates.map(\.rate).max() ?? 0
        let kinds: [Set<ReplicaRole>] = [
            [.mixed], [.prefill, .decode], [.prefill, .decode, .mixed], [.prefill, .mixed], [.decode, .mixed],
        ]
        for kind in kinds {
            let members = candidates.filter { Set($0.groups.map(\.role)) == kind }
            guard let fastest = members.max(by: { $0.rate < $1.rate }) else { continue }
            var enough = members.filter { $0.rate >= Self.headroom * instance.demand.rate }
            for _ in 0..<Self.fittingPlans where !enough.isEmpty {
                let best = choice.best(enough)
                enough.removeAll { $0.groups == best.groups }
                add(best)
            }
            guard fastest.rate >= most * Self.leastShare else { continue }
            add(choice.best(members.filter { $0.rate >= fastest.rate * (1 - Self.kindTolerance) }))
            add(fastest)
        }
        for kind in Baseline.Kind.byRules where allows(kind) {
            guard let plan = try? Baseline(kind).plan(instance, types: types, sites: sites),
                plan.rate >= most * Self.leastShare, plan.meets(minimumTokensPerSecond: minimumSpeed)
            else { continue }
            add(plan)
        }
        if most >= Self.headroom * instance.demand.rate { add(geneticPlan(minimumSpeed)) }
        return finalists
    }

    /// The paper's plan, where there is capacity to spare: its score takes fast groups, where the search here looks for those that
    /// sustain much. `nil` for fleets on which its search takes long, and where it finds nothing that is allowed.
    private func geneticPlan(_ minimumSpeed: Double) -> PlacedGroups? {
        let limits = instance.limits
        guard instance.count <= Self.mostGeneticDevices, limits.roles == .any || limits.roles == .split else {
            return nil
        }
        var options = PlanningOptions()
        options.minimumTokensPerSecond = minimumSpeed
        options.largestDecodeConcurrency = limits.largestBatch
        options.reservedContextTokens =
            limits.longestRequestTokens > 0 ? limits.longestRequestTokens : instance.demand.longestRequestTokens
        options.chunkTokens = limits.chunkTokens
        guard
            let plan = try? PaperPlanner.plan(
                cost: instance.cost, workload: instance.demand.statistics, options: options, seed: Self.geneticSeed),
            let placed = try? instance.placed(plan), placed.meets(minimumTokensPerSecond: minimumSpeed)
        else { return nil }
        return placed
    }

    private static let mostGeneticDevices = 12
    private static let geneticSeed: UInt64 = 1

    private func allows(_ kind: Baseline.Kind) -> Bool {
        switch instance.limits.roles {
        case .any, .uniform: true
        case .split: kind != .b0
        case .mixed: kind == .b0
        }
    }
}
