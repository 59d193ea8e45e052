internal import CostModel
internal import Domain
internal import Planning

/// The best plan of a small fleet by trying all of them: every choice of disjoint groups, every role of each group.
///
/// It shares no code with the planner's search; what a group can do, and what groups do together, is taken from `GroupRates`.
/// The only thing left out are flows of plans whose groups could not beat the best plan on a network without limits.
struct ExhaustivePlans {
    /// Most devices that take seconds at most.
    static let mostDevices = 6

    /// The highest rate, requests per second; 0 without any plan.
    private(set) var bestRate = 0.0
    /// Plans that were looked at.
    private(set) var plans = 0

    private var rates: GroupRates
    private let options: [[GroupOption]]
    private var kind: Set<ReplicaRole> = []

    /// Tries every plan whose roles are among one of `kinds`.
    init(_ instance: PlanningInstance, kinds: [Set<ReplicaRole>]) {
        var rates = GroupRates(instance)
        let count = instance.cost.devices.count
        var options: [[GroupOption]] = [[]]
        for set in 1..<(1 << count) { options.append(rates.options((0..<count).filter { set & 1 << $0 != 0 })) }
        self.rates = rates
        self.options = options
        for kind in kinds {
            self.kind = kind
            visit(rest: (1 << count) - 1, [])
        }
    }

    /// Completes a plan in every way: the first device of the rest is idle or in a group with some of the others.
    private mutating func visit(rest: Int, _ groups: [GroupOption]) {
        guard rest != 0 else { return look(groups) }
        let first = rest & -rest
        visit(rest: rest ^ first, groups)
        let others = rest ^ first
        var subset = others
        while true {
            let group = subset | first
            for option in options[group] where kind.contains(option.role) {
                visit(rest: rest ^ group, groups + [option])
            }
            if subset == 0 { break }
            subset = (subset - 1) & others
        }
    }

    private mutating func look(_ groups: [GroupOption]) {
        plans += 1
        func sum(_ role: ReplicaRole) -> Double { groups.reduce(0) { $0 + ($1.role == role ? $1.rate : 0) } }
        guard sum(.mixed) + min(sum(.prefill), sum(.decode)) > bestRate else { return }
        bestRate = max(bestRate, rates.plan(groups).rate)
    }
}
