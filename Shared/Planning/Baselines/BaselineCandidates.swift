public import Domain

extension Baseline {
    /// The plans of the baseline that are worth a trial, the one of the standard rules first, then the best estimates: its
    /// rules under every order of merging, with layers divided evenly and to speed, and with several choices of roles. At most
    /// `rules.mostCandidates` of them; pure, as `plan` is.
    ///
    /// What the papers say leaves these things open, and a comparison is worth what its strongest rival is worth.
    ///
    /// - Throws: `noPlan` where the fleet has fewer groups than the baseline needs.
    public func candidates(
        _ instance: PlanningInstance, types: [DeviceID: String], sites: [DeviceID: String]
    ) throws(PlanningError) -> [PlacedGroups] {
        let most = rules.candidates(devices: instance.count)
        var routes = KVRoutes(instance)
        guard Kind.byRules.contains(kind) else {
            let plans = try searched(instance, &routes)
            return plans.isEmpty ? [try plan(instance, types: types, sites: sites)] : Array(plans.prefix(most))
        }
        let types = DeviceTypes(instance, names: types)
        let neighbours = NeighbourGroups(instance, sites: sites)
        var groupings = BaselineGroupings(instance, types: types, neighbours: neighbours, rules: rules)
        var choices: [BaselineChoice] = []
        let orders = kind == .b1 || kind == .b2 ? groupings.literal : groupings.strong
        for order in orders {
            for split in LayerSplit.allCases {
                let groups = groupings.groups(order, split)
                choices += roleChoices(groups, types, &routes).enumerated().map { rank, options in
                    BaselineChoice(
                        options: options, rate: RoleFlips.flow(options, &routes).rate, isFirstOfGrouping: rank == 0)
                }
            }
        }
        var plans: [PlacedGroups] = []
        do throws(PlanningError) {
            plans = [try plan(instance, types: types, neighbours: neighbours)]
        } catch {
            // Another order of merging may find the groups that the standard one lacks.
            guard error.code == .noPlan, choices.contains(where: { $0.rate > 0 }) else { throw error }
        }
        for choice in BaselineChoice.promising(choices) where plans.count < most {
            let plan = PlacedGroups(choice.options, instance, &routes)
            if !plans.contains(where: { $0.groups == plan.groups }) { plans.append(plan) }
        }
        return plans
    }

    /// Groups with roles, the best estimate first; none where the groups cannot serve both phases.
    private func roleChoices(
        _ groups: [BaselineGroup], _ types: DeviceTypes, _ routes: inout KVRoutes
    ) -> [[GroupOption]] {
        switch kind {
        case .b0:
            let mixed = groups.compactMap(\.value.mixed)
            return mixed.isEmpty ? [] : [mixed]
        case .b1:
            guard groups.count > 1 else { return [] }
            let pool = PromptPool(groups, types: types, share: rules.promptShare)
            return [pool.classes.options(pool.counts)]
        case .b2:
            guard groups.count > 1 else { return [] }
            let pool = PromptPool(groups, types: types, share: rules.promptShare)
            let counts = RatioSearch(pool.classes, rules: rules).ranked(
                starts: [pool.counts], keeping: rules.mostRoleChoices, &routes)
            return counts.map { pool.classes.options($0) }
        case .b3: return groups.count > 1 ? strongRoles(groups, &routes) : []
        case .hexgen2, .helix: return []
        }
    }

    private func strongRoles(_ groups: [BaselineGroup], _ routes: inout KVRoutes) -> [[GroupOption]] {
        let classes = GroupClasses(groups)
        let counts = RatioSearch(classes, rules: rules).ranked(
            starts: [], keeping: rules.mostRoleChoices, &routes)
        var choices = counts.map { classes.options($0) }
        let flips = RoleFlips(values: groups.map(\.value), mostFlows: rules.mostFlows(groups: groups.count))
        // Devices of one type still differ: within a class, too, another group may be the better one for a role.
        let starts = classes.combinations <= rules.mostExhaustive ? Array(counts.prefix(1)) : counts
        choices += starts.map { flips.improved(classes.roles($0), &routes) }
        return choices.map { (options: $0, rate: RoleFlips.flow($0, &routes).rate) }
            .sorted { $0.rate > $1.rate }.map(\.options)
    }
}

/// Groups with roles that a baseline may choose.
struct BaselineChoice {
    var options: [GroupOption]
    /// Requests per second that they sustain by estimate.
    var rate: Double
    /// Whether no other choice of roles for the same groups is better by estimate.
    var isFirstOfGrouping: Bool

    /// The choices that sustain anything: of every grouping its best one before the second best of any, by estimate.
    static func promising(_ choices: [BaselineChoice]) -> [BaselineChoice] {
        let sorted = choices.enumerated().filter { $0.element.rate > 0 }.sorted { left, right in
            let (first, second) = (left.element.rate, right.element.rate)
            return first == second ? left.offset < right.offset : first > second
        }
        let best = sorted.filter(\.element.isFirstOfGrouping)
        let others = sorted.filter { !$0.element.isFirstOfGrouping }
        return (best + others).map(\.element)
    }
}
