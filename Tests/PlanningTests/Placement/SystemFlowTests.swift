import CostModel
import Domain
import Testing

@testable import Planning

/// Linear programs and the flow of requests from prefill to decoder groups.
@Suite("Flows") struct SystemFlowTests {
    /// Two variables: the optimum is at the crossing of two constraints, so all crossings are tried.
    @Test func simplexEqualsTryingAllCorners() throws {
        var random = SeededRandom(seed: 11)
        for _ in 0..<200 {
            let objective = (random.unit(), random.unit())
            var lines = (0..<3).map { _ in (0.05 + random.unit(), 0.05 + random.unit(), 0.1 + random.unit()) }
            var simplex = Simplex(
                rightSide: lines.map(\.2),
                columns: [
                    (objective.0, lines.enumerated().map { ($0.offset, $0.element.0) }),
                    (objective.1, lines.enumerated().map { ($0.offset, $0.element.1) }),
                ])
            let solved = simplex.solve()
            let solution = try #require(solved)
            lines += [(1, 0, 0), (0, 1, 0)]
            var best = 0.0
            for first in lines.indices {
                for second in 0..<first {
                    let (a, b) = (lines[first], lines[second])
                    let determinant = a.0 * b.1 - a.1 * b.0
                    guard abs(determinant) > 1e-12 else { continue }
                    let x = (a.2 * b.1 - a.1 * b.2) / determinant
                    let y = (a.0 * b.2 - a.2 * b.0) / determinant
                    let isAllowed =
                        x >= -1e-12 && y >= -1e-12
                        && lines.prefix(3).allSatisfy { $0.0 * x + $0.1 * y <= $0.2 * (1 + 1e-9) }
                    if isAllowed { best = max(best, objective.0 * x + objective.1 * y) }
                }
            }
            #expect(abs(solution.objective - best) <= 1e-9 * max(1, best))
            // Strong duality: the prices of the constraints are worth as much.
            let dual = zip(solution.prices, lines).reduce(0) { $0 + $1.0 * $1.1.2 }
            #expect(abs(dual - best) <= 1e-9 * max(1, best))
        }
    }

    /// 500 tokens of 8 layers at 1,000 bytes: 4 MB a prompt over a link of 1 MB/s.
    @Test func aSlowLinkLimitsThePlan() throws {
        let devices = BaselineFleets.equal(2, "a", type: nil, flops: 1e13, memory: 950_000_000)
        let question = try BaselineFleets.toy(devices, links: [("a1", "a2", 1e6)])
        let rating = GroupRating(instance: question.instance)
        var prefill = try #require(rating.prefill([0], [8]))
        var decode = try #require(rating.decode([1], [8]))
        (prefill.rate, decode.rate) = (100, 100)
        var routes = KVRoutes(question.instance)
        let slow = SystemFlow([prefill, decode], routes: &routes)
        #expect(abs(slow.rate - 0.25) < 1e-9)
        guard case .network = slow.limit else {
            Issue.record("limit is \(slow.limit)")
            return
        }
        (prefill.rate, decode.rate) = (0.2, 100)
        #expect(abs(SystemFlow([prefill, decode], routes: &routes).rate - 0.2) < 1e-9)
        (prefill.rate, decode.rate) = (100, 0.1)
        #expect(abs(SystemFlow([prefill, decode], routes: &routes).rate - 0.1) < 1e-9)
    }

    @Test func flowsStayWithinTheRatesOfTheirGroups() throws {
        for cost in try PlacementFleets.costs(devices: 10, count: 3, seed: 300) {
            let result = try PlacementPlanner(objective: .throughput).plan(
                cost: cost, demand: PlacementFleets.demand, limits: PlacementFleets.limits(.split))
            let placed = result.placed
            for (index, group) in placed.groups.enumerated() {
                let flow = placed.flows.filter { group.role == .prefill ? $0.from == index : $0.to == index }
                    .reduce(0) { $0 + $1.requestsPerSecond }
                #expect(flow <= group.rate * (1 + 1e-6))
            }
            let all = placed.flows.reduce(0) { $0 + $1.requestsPerSecond }
            #expect(abs(all - placed.rate) <= 1e-6 * all)
        }
    }

    @Test func waitingGrowsWithTheLoad() throws {
        let cost = try PlacementFleets.costs(devices: 6, count: 1, seed: 310)[0]
        let result = try PlacementPlanner(objective: .throughput).plan(
            cost: cost, demand: PlacementFleets.demand, limits: PlacementFleets.limits())
        var last = -1.0
        for share in [0.01, 0.3, 0.6, 0.9] {
            var demand = PlacementFleets.demand
            demand.rate = result.placed.rate * share
            let instance = try PlanningInstance(
                cost: cost, demand: demand, limits: PlacementFleets.limits(), kvType: result.instance.kvType)
            var routes = KVRoutes(instance)
            let times = PlacedGroups(result.placed.groups, instance, &routes).times
            #expect(times.waiting > last)
            #expect(abs(times.total - times.waiting - times.prefill - times.decode) < 1e-9)
            last = times.waiting
        }
    }
}
