internal import Domain

/// Scores groupings of the fleet, each once.
struct GroupingScore: Sendable {
    /// The best plan for a grouping.
    struct Outcome: Sendable {
        var score: PlanScore
        var members: [RoleMember]
    }

    private var known: [[[Int]]: Outcome?] = [:]
    private var system: SystemEstimate

    init(system: SystemEstimate) { self.system = system }

    /// The best plan whose replicas are these groups (keys of the catalog); `nil` where a phase cannot be served. Groups
    /// that cannot hold the model stay idle.
    mutating func outcome(_ keys: [[Int]], _ catalog: GroupCatalog) -> Outcome? {
        let grouping = keys.sorted { $0.lexicographicallyPrecedes($1) }
        if let outcome = known[grouping] { return outcome }
        let usable = grouping.compactMap(catalog.options)
        var outcome: Outcome?
        let search = RoleSearch(
            groups: usable, allowMixed: system.options.allowMixed,
            prefillIsFastest: system.options.prefillIsFastest)
        if let best = search.best(&system) {
            outcome = Outcome(score: best.score, members: best.members)
            outcome?.score.name = Self.name(best.members)
        }
        known[grouping] = .some(outcome)
        return outcome
    }

    private static func name(_ members: [RoleMember]) -> String {
        members.map { member in
            "\(member.role.rawValue):" + member.stages.map { "\($0.device)\($0.layers)" }.joined(separator: ",")
        }.sorted().joined(separator: ";")
    }
}
