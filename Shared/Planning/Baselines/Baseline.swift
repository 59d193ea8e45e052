internal import CostModel
public import Domain

/// A planner that others are compared with: Splitwise (Patel et al., Splitwise, ISCA 2024) as it is and made stronger step
/// by step, no splitting at all, and planners for unequal devices from their published descriptions. The same costs, memory, largest batch and KV type as for every other planner.
///
/// Pure functions of their inputs. `PlanningLimits.roles` and the minimum decode speed are ignored: a baseline has the
/// roles that it has.
public struct Baseline: Sendable, Hashable {
    /// Which one; the raw values are names for command lines.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Colocated: groups as in Splitwise-strong, each does both phases.
        case b0
        /// Splitwise-literal: the smallest groups of one device type with an even layer split; the types that prefill
        /// fastest are the prompt pool until it holds half of the groups.
        case b1
        /// Best ratio: those groups, with as many of each type in the prompt pool as sustain most.
        case b2
        /// Splitwise-strong: layers split to speed, groups across types from what is left over, roles improved one by one.
        case b3
        /// HexGen-2 (Jiang et al., ICLR 2025): partition of the graph, then a search guided by the flow of requests between
        /// prefill and decoder groups; see `FlowGuidedSearch` for what is not published.
        case hexgen2
        /// Helix (Mei et al., ASPLOS 2025): the pipelines of the largest flow, each for both phases; see `PipelineFlowSearch`
        /// for what a plan of replicas cannot express.
        case helix

        /// Those that follow rules, not a search: cheap enough to be looked at beside every search of the default planner.
        static let byRules: [Kind] = [.b0, .b1, .b2, .b3]

        /// A name for people.
        public var title: String {
            switch self {
            case .b0: "colocated"
            case .b1: "Splitwise-literal"
            case .b2: "Splitwise with the best ratio"
            case .b3: "Splitwise-strong"
            case .hexgen2: "HexGen-2"
            case .helix: "Helix"
            }
        }
    }

    /// Which one.
    public var kind: Kind
    /// What it goes by.
    public var rules: BaselineRules

    /// Makes a baseline.
    public init(_ kind: Kind, rules: BaselineRules = BaselineRules()) {
        self.kind = kind
        self.rules = rules
    }

    /// Plans. A device that `types` does not name is a type of its own; `sites` settle which of equally near devices are
    /// neighbours.
    ///
    /// - Throws: `noPlan` where the fleet has fewer groups than the baseline needs.
    public func plan(
        _ instance: PlanningInstance, types: [DeviceID: String], sites: [DeviceID: String]
    ) throws(PlanningError) -> PlacedGroups {
        try plan(
            instance, types: DeviceTypes(instance, names: types), neighbours: NeighbourGroups(instance, sites: sites))
    }

    func plan(
        _ instance: PlanningInstance, types: DeviceTypes, neighbours: NeighbourGroups
    ) throws(PlanningError) -> PlacedGroups {
        let groups = BaselineGroups(instance, types: types, neighbours: neighbours, rules: rules)
        var routes = KVRoutes(instance)
        switch kind {
        case .b0: return try colocated(instance, groups.strong, &routes)
        case .b1: return try literal(instance, groups.literal, types, &routes)
        case .b2: return try bestRatio(instance, groups.literal, types, &routes)
        case .b3: return try strong(instance, groups, types, &routes)
        case .hexgen2, .helix:
            guard let best = try searched(instance, &routes).first else { throw noPlan(cannotServe) }
            return best
        }
    }

    private func colocated(
        _ instance: PlanningInstance, _ groups: [BaselineGroup], _ routes: inout KVRoutes
    ) throws(PlanningError) -> PlacedGroups {
        let mixed = groups.compactMap(\.value.mixed)
        guard !mixed.isEmpty else { throw noPlan("no group of neighbours holds the model and serves both phases") }
        return PlacedGroups(mixed, instance, &routes)
    }

    private func literal(
        _ instance: PlanningInstance, _ groups: [BaselineGroup], _ types: DeviceTypes, _ routes: inout KVRoutes
    ) throws(PlanningError) -> PlacedGroups {
        try checkTypes(groups)
        let pool = PromptPool(groups, types: types, share: rules.promptShare)
        let options = pool.classes.options(pool.counts)
        guard options.contains(where: { $0.role == .prefill }), options.contains(where: { $0.role == .decode }) else {
            throw noPlan("its prompt pool cannot prefill, or its other groups cannot decode")
        }
        return PlacedGroups(options, instance, &routes)
    }

    private func bestRatio(
        _ instance: PlanningInstance, _ groups: [BaselineGroup], _ types: DeviceTypes, _ routes: inout KVRoutes
    ) throws(PlanningError) -> PlacedGroups {
        try checkTypes(groups)
        let pool = PromptPool(groups, types: types, share: rules.promptShare)
        let search = RatioSearch(pool.classes, rules: rules)
        guard let counts = search.best(start: pool.counts, &routes) else { throw noPlan(cannotSplit) }
        return PlacedGroups(pool.classes.options(counts), instance, &routes)
    }

    private func strong(
        _ instance: PlanningInstance, _ groups: BaselineGroups, _ types: DeviceTypes, _ routes: inout KVRoutes
    ) throws(PlanningError) -> PlacedGroups {
        let strong = groups.strong
        guard strong.count > 1 else {
            throw noPlan("the fleet has \(strong.count) groups that hold the model, splitting the phases takes two")
        }
        let classes = GroupClasses(strong)
        var best: PlacedGroups?
        if let counts = RatioSearch(classes, rules: rules).best(start: nil, &routes) {
            let flips = RoleFlips(values: strong.map(\.value), mostFlows: rules.mostFlows(groups: strong.count))
            best = PlacedGroups(flips.improved(classes.roles(counts), &routes), instance, &routes)
        }
        // A plan that is worse than its own starting point would be no strong baseline: what suits one group's speed can
        // load the network more.
        if let simple = try? bestRatio(instance, groups.literal, types, &routes), simple.rate > best?.rate ?? 0 {
            best = simple
        }
        guard let best else { throw noPlan(cannotSplit) }
        return best
    }

    private func checkTypes(_ groups: [BaselineGroup]) throws(PlanningError) {
        if groups.isEmpty {
            throw noPlan(
                "no devices of one type hold the model with \(rules.kvTokens) tokens of KV cache under an even layer split; "
                    + "some small fleets have no group of one type at all")
        }
        if groups.count == 1 {
            throw noPlan(
                "only one group of devices of one type holds the model with \(rules.kvTokens) tokens of KV cache under an "
                    + "even layer split, splitting the phases takes two")
        }
    }

    /// The plans of a baseline that searches, best estimate first.
    func searched(_ instance: PlanningInstance, _ routes: inout KVRoutes) throws(PlanningError) -> [PlacedGroups] {
        guard kind == .hexgen2 else { return try PipelineFlowSearch(instance).plans() }
        var search = try FlowGuidedSearch(instance)
        return search.plans(&routes)
    }

    private var cannotServe: String {
        kind == .hexgen2 ? cannotSplit : "no group of devices holds the model and serves both phases"
    }

    private var cannotSplit: String { "no choice of groups can both prefill and decode" }

    private func noPlan(_ why: String) -> PlanningError {
        PlanningError(.noPlan, "no plan of \(kind.rawValue) (\(kind.title)): \(why)")
    }
}
