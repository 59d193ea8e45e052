/// The numbers of all baselines.
public struct BaselineRules: Sendable, Hashable {
    /// Tokens of KV cache that a group must have room for beside the weights (b1; the others take its groups). Never less
    /// than the longest request of the workload: without room for that, a replica could not serve it.
    public var kvTokens = 4096
    /// Share of the groups that the prompt pool must hold before no further type joins it (b1).
    public var promptShare = 0.5
    /// Most combinations of prefill groups per class that are enumerated (b2, b3). Up to six types in 64 devices stay far
    /// below; many more types have more combinations than can be counted, see `RatioSearch`.
    public var mostCombinations = 4_000_000
    /// Most devices of a group for which every choice of first and last stage is rated (b0, b3).
    public var mostEnds = 6

    /// Most choices of roles of one grouping that are worth a trial (b2, b3).
    public var mostRoleChoices = 6
    /// Most combinations of prefill groups per class of which every one is looked at for a trial; of more, several starts are
    /// improved by flips and swaps (b3).
    public var mostExhaustive = 4096
    /// Most plans that are worth a trial, the most promising ones by estimate; fewer on fleets of more than twelve devices,
    /// where trials take longer and the smallest groups of strong devices differ less.
    public var mostCandidates = 24

    /// Makes the defaults.
    public init() {}

    /// Plans of a fleet of so many devices that are worth a trial.
    func candidates(devices: Int) -> Int { max(1, min(mostCandidates, max(4, 12 * mostCandidates / max(1, devices)))) }

    /// Flows that a search over roles may solve (b2, b3): each costs about the cube of the number of groups.
    func mostFlows(groups: Int) -> Int { max(40, min(2000, 150_000 / (groups * groups))) }
}
