internal import Domain

/// Chooses the role of every replica of a grouping.
///
/// Up to `exhaustiveLimit` replicas every assignment is tried. Above that, replicas are sorted by how much better they are
/// at prefill than at decode, every cut of that order is tried, and the best one is improved by changing single roles
/// until nothing helps.
///
/// With `prefillIsFastest` only assignments count in which no decoder group would process prompts faster than a prefill
/// group does.
struct RoleSearch {
    /// Most replicas for which all assignments are tried.
    static let exhaustiveLimit = 6

    let groups: [ReplicaOptions]
    private let roles: [ReplicaRole]
    private let prefillIsFastest: Bool

    /// `allowMixed` admits the mixed role for groups of any number; without it, it is used for a single group only.
    init(groups: [ReplicaOptions], allowMixed: Bool, prefillIsFastest: Bool = false) {
        self.groups = groups
        self.prefillIsFastest = prefillIsFastest
        roles = groups.count == 1 ? [.mixed] : allowMixed ? [.prefill, .decode, .mixed] : [.prefill, .decode]
    }

    /// The best assignment, or `nil` where none serves both phases.
    func best(_ system: inout SystemEstimate) -> (score: PlanScore, members: [RoleMember])? {
        guard !groups.isEmpty else { return nil }
        let quickDiffers = groups.contains { $0.decode?.id != $0.quickDecode?.id }
        var best: (score: PlanScore, members: [RoleMember])?
        for quick in quickDiffers ? [false, true] : [false] {
            let found =
                groups.count <= Self.exhaustiveLimit
                ? exhaustive(&system, quick: quick) : improved(&system, quick: quick)
            guard let found else { continue }
            if best.map({ found.score < $0.score }) ?? true { best = found }
        }
        return best
    }

    private typealias Outcome = (score: PlanScore, members: [RoleMember])

    private func evaluate(_ assignment: [ReplicaRole], _ system: inout SystemEstimate, quick: Bool) -> Outcome? {
        guard !prefillIsFastest || isFastestPrefill(assignment) else { return nil }
        var members: [RoleMember] = []
        for (group, role) in zip(groups, assignment) {
            guard let member = group.member(role, quick: quick) else { return nil }
            members.append(member)
        }
        return system.score(members)
    }

    private func exhaustive(_ system: inout SystemEstimate, quick: Bool) -> Outcome? {
        var best: Outcome?
        var digits = [Int](repeating: 0, count: groups.count)
        while true {
            if let found = evaluate(digits.map { roles[$0] }, &system, quick: quick) {
                if best.map({ found.score < $0.score }) ?? true { best = found }
            }
            var position = 0
            while position < digits.count {
                digits[position] += 1
                if digits[position] < roles.count { break }
                digits[position] = 0
                position += 1
            }
            if position == digits.count { return best }
        }
    }

    private func improved(_ system: inout SystemEstimate, quick: Bool) -> Outcome? {
        let order = groups.indices.sorted { left, right in
            (affinity(left), right) > (affinity(right), left)
        }
        var best: (outcome: Outcome, assignment: [ReplicaRole])?
        func consider(_ assignment: [ReplicaRole], _ system: inout SystemEstimate) -> Bool {
            guard let outcome = evaluate(assignment, &system, quick: quick) else { return false }
            if let best, best.outcome.score <= outcome.score { return false }
            best = (outcome, assignment)
            return true
        }
        for cut in 1..<order.count {
            var assignment = [ReplicaRole](repeating: .decode, count: order.count)
            for index in order.prefix(cut) { assignment[index] = .prefill }
            // A group that cannot do one phase does the other one.
            for index in groups.indices {
                if groups[index].prefill == nil { assignment[index] = .decode }
                if groups[index].decode == nil { assignment[index] = .prefill }
            }
            _ = consider(assignment, &system)
        }
        if roles.contains(.mixed) { _ = consider([ReplicaRole](repeating: .mixed, count: order.count), &system) }
        for _ in 0..<groups.count {
            guard let start = best?.assignment else { return nil }
            var changed = false
            for index in groups.indices {
                for role in roles where role != start[index] {
                    var assignment = start
                    assignment[index] = role
                    if consider(assignment, &system) { changed = true }
                }
            }
            if !changed { break }
        }
        return best?.outcome
    }

    /// Whether no decoder group is faster at prompts than a prefill group; equal devices may differ by rounding.
    private func isFastestPrefill(_ assignment: [ReplicaRole]) -> Bool {
        var slowest = Double.infinity
        var fastest = 0.0
        for (group, role) in zip(groups, assignment) {
            let speed = group.prefill?.rate ?? 0
            if role == .prefill { slowest = min(slowest, speed) }
            if role == .decode { fastest = max(fastest, speed) }
        }
        return slowest >= fastest * (1 - 1e-9)
    }

    /// What the cuts of large groupings go by.
    private func affinity(_ index: Int) -> Double {
        guard let prefill = groups[index].prefill?.rate else { return 0 }
        if prefillIsFastest { return prefill }
        guard let decode = groups[index].decode?.rate else { return .greatestFiniteMagnitude }
        return prefill / decode
    }
}
