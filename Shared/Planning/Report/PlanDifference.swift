internal import CostModel
public import Domain

/// What changes between the plans of two fleets, or of one fleet under two demands: for "what if this device were added, or
/// failed".
public struct PlanDifference: Sendable, Hashable {
    /// A figure of both plans.
    public struct Change: Sendable, Hashable {
        /// In the first plan.
        public var before: Double
        /// In the second plan.
        public var after: Double

        /// Share by which the figure grows: 0.25 for a quarter more, negative for less.
        public var share: Double { before == after ? 0 : after / before - 1 }
    }

    /// How sure it is that the second fleet sustains more, or less.
    public enum Certainty: String, Sendable, Hashable {
        /// The fleet can do more: its plan exceeds what any plan of the first fleet can sustain.
        case provedBetter
        /// The fleet can do less: no plan of it reaches that of the first one.
        case provedWorse
        /// The difference is smaller than what the searches may have missed.
        case open
    }

    /// Requests per second at saturation.
    public var rate: Change
    /// What no plan exceeds, requests per second.
    public var upperBound: Change
    /// Seconds that a request waits at the rate that was asked for.
    public var waiting: Change
    /// Seconds of a request at that rate, arrival to last token.
    public var total: Change
    /// The 99th percentile of the seconds to the first token at that rate.
    public var firstTokenP99: Change
    /// Rates that were asked for; waits compare only where they are the same.
    public var asked: Change
    /// Devices in a group.
    public var usedDevices: Change
    /// What limits the first plan.
    public var limitBefore: PlanLimit
    /// What limits the second plan.
    public var limitAfter: PlanLimit
    /// Devices that only the second fleet has.
    public var added: [DeviceID]
    /// Devices that only the first fleet has.
    public var removed: [DeviceID]
    /// Devices of the second fleet that its plan leaves out although they are new, or were used before.
    public var leftOut: [DeviceID]
    /// Groups that are in both plans with the same devices, layers and role.
    public var keptGroups: Int
    /// Groups that are not.
    public var changes: [GroupChange]
    /// How sure the difference in rate is.
    public var certainty: Certainty

    /// Compares plans.
    public init(before: PlanningResult, after: PlanningResult) {
        let (old, new) = (before.placed, after.placed)
        rate = Change(before: old.rate, after: new.rate)
        upperBound = Change(before: before.upperBound, after: after.upperBound)
        waiting = Change(before: old.times.waiting, after: new.times.waiting)
        total = Change(before: old.times.total, after: new.times.total)
        firstTokenP99 = Change(before: old.times.firstTokenP99, after: new.times.firstTokenP99)
        asked = Change(before: before.instance.demand.rate, after: after.instance.demand.rate)
        limitBefore = old.limit
        limitAfter = new.limit
        let (oldIDs, newIDs) = (before.instance.cost.devices.map(\.id), after.instance.cost.devices.map(\.id))
        added = newIDs.filter { !Set(oldIDs).contains($0) }
        removed = oldIDs.filter { !Set(newIDs).contains($0) }
        let usedBefore = Set(old.groups.flatMap { $0.order.map { oldIDs[$0] } })
        let usedAfter = Set(new.groups.flatMap { $0.order.map { newIDs[$0] } })
        usedDevices = Change(before: Double(usedBefore.count), after: Double(usedAfter.count))
        let expected = usedBefore.union(added)
        leftOut = newIDs.filter { expected.contains($0) && !usedAfter.contains($0) }
        let pairs = GroupPairs(before, after)
        keptGroups = pairs.kept
        changes = pairs.changes
        certainty =
            new.rate > before.upperBound * (1 + 1e-9)
            ? .provedBetter : after.upperBound < old.rate * (1 - 1e-9) ? .provedWorse : .open
    }
}

/// A group that is not the same in two plans.
public struct GroupChange: Sendable, Hashable {
    /// Its name in the first plan; `nil` for a new group.
    public var before: String?
    /// Its name in the second plan; `nil` for a group that is dissolved.
    public var after: String?
    /// Its role in the first plan.
    public var roleBefore: ReplicaRole?
    /// Its role in the second plan.
    public var roleAfter: ReplicaRole?
    /// Devices that it gains; all of a new group.
    public var gained: [DeviceID]
    /// Devices that it loses; all of a group that is dissolved.
    public var lost: [DeviceID]
    /// Devices that stay in it but with other layers.
    public var moved: [DeviceID]
    /// Requests per second that it sustains; 0 where it does not exist.
    public var rate: PlanDifference.Change
}

/// Finds out which group of one plan became which of another.
struct GroupPairs {
    private struct Group {
        var name: String
        var role: ReplicaRole
        var rate: Double
        var layers: [DeviceID: LayerRange]
    }

    private(set) var kept = 0
    private(set) var changes: [GroupChange] = []

    init(_ before: PlanningResult, _ after: PlanningResult) {
        var old = Self.groups(before)
        var new = Self.groups(after)
        new.removeAll { group in
            guard let same = old.firstIndex(where: { $0.role == group.role && $0.layers == group.layers }) else {
                return false
            }
            old.remove(at: same)
            kept += 1
            return true
        }
        // The pairs that share the largest part of their devices first.
        var pairs: [(overlap: Double, old: Int, new: Int)] = []
        for (left, first) in old.enumerated() {
            for (right, second) in new.enumerated() {
                let common = Double(first.layers.keys.filter { second.layers[$0] != nil }.count)
                if common == 0 { continue }
                let all = Double(first.layers.count + second.layers.count) - common
                pairs.append((common / all + (first.role == second.role ? 0.01 : 0), left, right))
            }
        }
        pairs.sort { ($1.overlap, $0.old, $0.new) < ($0.overlap, $1.old, $1.new) }
        var usedOld: Set<Int> = []
        var usedNew: Set<Int> = []
        for pair in pairs where !usedOld.contains(pair.old) && !usedNew.contains(pair.new) {
            usedOld.insert(pair.old)
            usedNew.insert(pair.new)
            changes.append(Self.change(old[pair.old], new[pair.new]))
        }
        for index in old.indices where !usedOld.contains(index) { changes.append(Self.change(old[index], nil)) }
        for index in new.indices where !usedNew.contains(index) { changes.append(Self.change(nil, new[index])) }
    }

    private static func groups(_ result: PlanningResult) -> [Group] {
        let groups = result.placed.groups
        return zip(GroupNames(groups).names, groups).map { name, option in
            var layers: [DeviceID: LayerRange] = [:]
            var start = 0
            for (device, count) in zip(option.order, option.layers) {
                layers[result.instance.cost.devices[device].id] = LayerRange(start, start + count)
                start += count
            }
            return Group(name: name, role: option.role, rate: option.rate, layers: layers)
        }
    }

    private static func change(_ old: Group?, _ new: Group?) -> GroupChange {
        let (before, after) = (old?.layers ?? [:], new?.layers ?? [:])
        return GroupChange(
            before: old?.name, after: new?.name, roleBefore: old?.role, roleAfter: new?.role,
            gained: after.keys.filter { before[$0] == nil }.sorted(),
            lost: before.keys.filter { after[$0] == nil }.sorted(),
            moved: after.keys.filter { before[$0] != nil && before[$0] != after[$0] }.sorted(),
            rate: PlanDifference.Change(before: old?.rate ?? 0, after: new?.rate ?? 0))
    }
}
