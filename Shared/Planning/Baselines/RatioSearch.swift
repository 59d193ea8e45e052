internal import Domain

/// How many groups of each class should prefill for the highest sustained rate, network included.
///
/// All combinations are enumerated by the rate that they would sustain on a network without limits, which is an upper
/// bound; the flow over the network is solved from the highest bound down until no bound is higher than the best rate.
/// That is exhaustive unless the number of flows is exhausted first, which happens where the network is the limit in large
/// fleets; then the best combination is improved by one group of one class at a time. Where classes are so many that
/// combinations cannot be enumerated, the cuts of all groups in the order in which they lose least by prefilling take
/// their place: without network one of them is optimal up to a single group.
struct RatioSearch {
    private let classes: GroupClasses
    private let rules: BaselineRules
    /// Rates of the first k groups of a class in prefill, and of all others in decode.
    private let prefill: [[Double]]
    private let decode: [[Double]]

    init(_ classes: GroupClasses, rules: BaselineRules) {
        self.classes = classes
        self.rules = rules
        var (prefill, decode): ([[Double]], [[Double]]) = ([], [])
        for members in classes.members {
            let values = members.map { classes.groups[$0].value }
            prefill.append((0...values.count).map { values[..<$0].reduce(0) { $0 + ($1.prefill?.rate ?? 0) } })
            decode.append((0...values.count).map { values[$0...].reduce(0) { $0 + ($1.decode?.rate ?? 0) } })
        }
        (self.prefill, self.decode) = (prefill, decode)
    }

    private struct Candidate {
        var bound: Double
        var counts: [Int]

        static func isBetter(_ left: Candidate, _ right: Candidate) -> Bool {
            left.bound == right.bound
                ? left.counts.lexicographicallyPrecedes(right.counts) : left.bound > right.bound
        }
    }

    /// The best numbers of prefill groups, no worse than `start`; `nil` where none sustains anything.
    func best(start: [Int]?, _ routes: inout KVRoutes) -> [Int]? {
        ranked(starts: start.map { [$0] } ?? [], keeping: 1, &routes).first
    }

    /// The best numbers of prefill groups, best first and at most so many, the first no worse than any of `starts`; none where
    /// nothing sustains anything.
    func ranked(starts: [[Int]], keeping most: Int, _ routes: inout KVRoutes) -> [[Int]] {
        var remaining = rules.mostFlows(groups: classes.groups.count)
        var best: [(rate: Double, counts: [Int])] = []
        var known: Set<[Int]> = []
        // What a combination has to exceed.
        var least: Double { best.count < most ? 0 : best[best.count - 1].rate * (1 + 1e-9) }
        func tryCounts(_ counts: [Int]) {
            guard known.insert(counts).inserted else { return }
            remaining -= 1
            let rate = RoleFlips.flow(classes.options(counts), &routes).rate
            guard rate > least else { return }
            let place = best.firstIndex { rate > $0.rate * (1 + 1e-9) } ?? best.count
            best.insert((rate, counts), at: place)
            if best.count > most { best.removeLast() }
        }
        for start in starts { tryCounts(start) }
        let reserve = remaining / 3
        var isProved = false
        let candidates = isCountable ? enumerated(keeping: remaining - reserve) : cuts
        for candidate in candidates where remaining > reserve && !isProved {
            isProved = candidate.bound <= least
            if !isProved { tryCounts(candidate.counts) }
        }
        var improves = !isProved && candidates.count > 1
        while improves, remaining > 0, let first = best.first {
            for changed in neighbours(first.counts) where remaining > 0 && bound(changed) > best[0].rate * (1 + 1e-9) {
                tryCounts(changed)
            }
            improves = best[0].rate > first.rate
        }
        return best.map(\.counts)
    }

    private var isCountable: Bool { classes.combinations <= rules.mostCombinations }

    private func bound(_ counts: [Int]) -> Double {
        var (prompts, tokens) = (0.0, 0.0)
        for (index, count) in counts.enumerated() {
            prompts += prefill[index][count]
            tokens += decode[index][count]
        }
        return min(prompts, tokens)
    }

    /// The combinations of the highest bounds, best first.
    private func enumerated(keeping most: Int) -> [Candidate] {
        var kept: [Candidate] = []
        var least = 0.0
        var counts = [Int](repeating: 0, count: classes.members.count)
        func visit(_ index: Int, _ prompts: Double, _ tokens: Double) {
            guard index < counts.count else {
                let bound = min(prompts, tokens)
                guard bound > least else { return }
                kept.append(Candidate(bound: bound, counts: counts))
                // Sorted only now and then: cheap, and equal bounds still fall in a fixed order.
                if kept.count >= 8 * most { truncate() }
                return
            }
            for count in 0...classes.members[index].count {
                counts[index] = count
                visit(index + 1, prompts + prefill[index][count], tokens + decode[index][count])
            }
        }
        func truncate() {
            kept = Array(kept.sorted(by: Candidate.isBetter).prefix(most))
            if kept.count == most { least = kept[most - 1].bound }
        }
        visit(0, 0, 0)
        truncate()
        return kept
    }

    private var cuts: [Candidate] {
        let order = classes.groups.indices.sorted {
            GroupClasses.prefersPrefill(classes.groups[$0], classes.groups[$1])
        }
        var classOf: [Int: Int] = [:]
        for (index, members) in classes.members.enumerated() {
            for group in members { classOf[group] = index }
        }
        var counts = [Int](repeating: 0, count: classes.members.count)
        var cuts: [Candidate] = []
        for group in order {
            counts[classOf[group] ?? 0] += 1
            cuts.append(Candidate(bound: bound(counts), counts: counts))
        }
        return cuts.filter { $0.bound > 0 }.sorted(by: Candidate.isBetter)
    }

    private func neighbours(_ counts: [Int]) -> [[Int]] {
        counts.indices.flatMap { index in
            [-1, 1].compactMap { step in
                guard (0...classes.members[index].count).contains(counts[index] + step) else { return nil }
                var changed = counts
                changed[index] += step
                return changed
            }
        }
    }
}
