internal import Domain

/// Requests per second from one group of a plan to another.
public struct PlanFlow: Sendable, Hashable {
    /// The prefill group, an index into the plan's groups.
    public var from: Int
    /// The decoder group.
    public var to: Int
    /// Requests per second at saturation.
    public var requestsPerSecond: Double
    /// Seconds of the KV transfer of a mean prompt when nothing else travels.
    public var kvSeconds: Double
}

/// What limits a plan at saturation.
public enum PlanLimit: Sendable, Hashable {
    /// The prefill groups together.
    case prefill
    /// The decoder groups together.
    case decode
    /// A resource of the network, by name.
    case network(String)
    /// All groups work: mixed replicas only.
    case mixed
}

/// The largest rate that groups with roles sustain together: a maximum flow from prefill groups over the shared network to
/// decoder groups, beside what mixed groups serve by themselves.
struct SystemFlow: Sendable {
    /// Requests per second of the whole plan.
    var rate: Double
    /// Who sends how much to whom.
    var flows: [PlanFlow]
    /// What is exhausted first.
    var limit: PlanLimit

    /// Most pairs that are considered; beyond that each prefill group keeps its quickest ways.
    private static let mostPairs = 400

    /// The flow of a plan that was solved before.
    init(_ placed: PlacedGroups) { (rate, flows, limit) = (placed.rate, placed.flows, placed.limit) }

    /// Solves the flow.
    init(_ groups: [GroupOption], routes: inout KVRoutes) {
        self.init(groups, &routes) { source, target, routes in routes.route(groups[source], groups[target]) }
    }

    /// Solves the flow over given routes between groups.
    init(
        _ groups: [GroupOption], _ routes: inout KVRoutes, route: (Int, Int, inout KVRoutes) -> KVRoute
    ) {
        let mixed = groups.filter { $0.role == .mixed }.reduce(0) { $0 + $1.rate }
        let sources = groups.indices.filter { groups[$0].role == .prefill }
        let targets = groups.indices.filter { groups[$0].role == .decode }
        guard !sources.isEmpty, !targets.isEmpty else {
            (rate, flows, limit) = (mixed, [], .mixed)
            return
        }
        var pairs: [(from: Int, to: Int, route: KVRoute)] = []
        let kept = max(1, Self.mostPairs / sources.count)
        for from in sources {
            var ways = targets.map { (from: from, to: $0, route: route(from, $0, &routes)) }
            if ways.count > kept {
                // Rotated by the source, so that equal ways do not all lead to the same targets.
                let shift = from % ways.count
                ways = Array(ways[shift...] + ways[..<shift])
                ways = Array(ways.sorted { $0.route.seconds < $1.route.seconds }.prefix(kept))
            }
            pairs += ways
        }
        var rowOf: [Int: Int] = [:]
        var rightSide: [Double] = []
        for group in sources + targets {
            rowOf[-1 - group] = rightSide.count
            rightSide.append(groups[group].rate)
        }
        var columns: [(objective: Double, entries: [(row: Int, value: Double)])] = []
        for pair in pairs {
            var entries = [(row: rowOf[-1 - pair.from] ?? 0, value: 1.0), (row: rowOf[-1 - pair.to] ?? 0, value: 1.0)]
            for (resource, seconds) in pair.route.occupied {
                let row = rowOf[resource] ?? rightSide.count
                if row == rightSide.count {
                    rowOf[resource] = row
                    rightSide.append(1)
                }
                entries.append((row, seconds))
            }
            columns.append((1, entries))
        }
        var simplex = Simplex(rightSide: rightSide, columns: columns)
        guard let solution = simplex.solve() else {
            (rate, flows, limit) = (mixed, [], .prefill)
            return
        }
        rate = mixed + solution.objective
        flows = zip(pairs, solution.values).compactMap { pair, value in
            value > 1e-12 * solution.objective
                ? PlanFlow(from: pair.from, to: pair.to, requestsPerSecond: value, kvSeconds: pair.route.seconds)
                : nil
        }
        limit = Self.limit(
            solution.prices, sources: sources.count, targets: targets.count,
            resources: rowOf.filter { $0.key >= 0 }.mapValues { $0 }, rightSide: rightSide, routes: routes)
    }

    /// The side whose rows carry most of the optimum.
    private static func limit(
        _ prices: [Double], sources: Int, targets: Int, resources: [Int: Int], rightSide: [Double], routes: KVRoutes
    ) -> PlanLimit {
        func worth(_ rows: Range<Int>) -> Double { rows.reduce(0) { $0 + prices[$1] * rightSide[$1] } }
        let prefill = worth(0..<sources)
        let decode = worth(sources..<(sources + targets))
        let network = worth((sources + targets)..<prices.count)
        if network > max(prefill, decode) {
            let busiest = resources.max { (prices[$0.value], $1.key) < (prices[$1.value], $0.key) }
            return .network(busiest.map { "\(routes.name($0.key))" } ?? "the network")
        }
        return prefill >= decode ? .prefill : .decode
    }
}
