internal import Domain

/// Groups by class, where a class has the same device types: how many of each prefill decides everything.
///
/// Devices of one type still differ by what else runs on them, so within a class those prefill first that lose least in
/// decode rate by it.
struct GroupClasses {
    let groups: [BaselineGroup]
    /// Indices of groups by class, in the order in which they become prefill groups.
    let members: [[Int]]

    init(_ groups: [BaselineGroup]) {
        self.groups = groups
        // Types are numbered from the one that prefills fastest: so are classes.
        let classes = Dictionary(grouping: groups.indices) { Set(groups[$0].types).sorted() }
        members = classes.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { entry in
            entry.value.sorted { Self.prefersPrefill(groups[$0], groups[$1]) }
        }
    }

    /// Whether the first group gains more prefill rate per decode rate than the second.
    static func prefersPrefill(_ left: BaselineGroup, _ right: BaselineGroup) -> Bool {
        let first = (left.value.prefill?.rate ?? 0) * (right.value.decode?.rate ?? 0)
        let second = (right.value.prefill?.rate ?? 0) * (left.value.decode?.rate ?? 0)
        return first == second ? left.firstDevice < right.firstDevice : first > second
    }

    /// Numbers of prefill groups per class that there are, `Int.max` for more than can be counted.
    var combinations: Int {
        members.reduce(1) { product, members in
            let (result, overflow) = product.multipliedReportingOverflow(by: members.count + 1)
            return overflow ? Int.max : result
        }
    }

    /// The role of every group for a number of prefill groups per class.
    func roles(_ counts: [Int]) -> [ReplicaRole] {
        var roles = [ReplicaRole](repeating: .decode, count: groups.count)
        for (members, count) in zip(members, counts) {
            for group in members.prefix(count) { roles[group] = .prefill }
        }
        return roles
    }

    /// The groups with those roles, without those that cannot take theirs.
    func options(_ counts: [Int]) -> [GroupOption] {
        zip(groups, roles(counts)).compactMap { $0.value[$1] }
    }
}
