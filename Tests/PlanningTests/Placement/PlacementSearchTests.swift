import CostModel
import Domain
import Testing

@testable import Planning

/// The exact search against trying everything, the search by neighbourhoods against the exact one, bounds above both.
@Suite("Search of placements") struct PlacementSearchTests {
    private typealias Fleets = PlacementFleets
    private static let kinds: [(PlanningLimits.Roles, Set<ReplicaRole>)] = [
        (.mixed, [.mixed]), (.split, [.prefill, .decode]), (.any, [.prefill, .decode, .mixed]),
    ]

    @Test(arguments: [4, 5])
    func theExactSearchEqualsTryingEverything(devices: Int) throws {
        for cost in try Fleets.costs(devices: devices, count: 5, seed: UInt64(10 * devices)) {
            for (mode, roles) in Self.kinds {
                let instance = try Fleets.instance(cost, mode)
                var search = PlacementSearch(instance, seed: 1) { false }
                search.run()
                let best = search.candidates.map(\.rate).max() ?? 0
                let all = Fleets.bestRate(instance, roles: roles)
                // Suiting layers to the network may find more than the best layers of every group by itself.
                #expect(best >= all * (1 - 1e-6), "\(mode): \(best) instead of \(all)")
                #expect(search.exactBound.map { $0 >= best * (1 - 1e-9) } == true)
            }
        }
    }

    /// Certificates hold for every plan, so for the best one.
    @Test(arguments: [4, 6, 8])
    func noPlanExceedsItsCertificate(devices: Int) throws {
        for cost in try Fleets.costs(devices: devices, count: 4, seed: UInt64(100 + devices)) {
            for (mode, roles) in Self.kinds {
                let instance = try Fleets.instance(cost, mode)
                var search = PlacementSearch(instance, seed: 1) { false }
                search.run()
                let best = search.candidates.map(\.rate).max() ?? 0
                var table = GroupTable(instance)
                let certificate = RateCertificate(
                    instance, &table, roles: roles, known: [], goal: best, rounds: 12, stop: { false })
                #expect(certificate.bound >= best * (1 - 1e-9), "\(mode): bound \(certificate.bound) of \(best)")
                #expect(certificate.bound.isFinite)
            }
        }
    }

    /// Within two per cent of the optimum on nearly all of them.
    @Test func neighbourhoodsComeCloseToTheOptimum() throws {
        var (close, all) = (0, 0)
        for devices in [5, 7, 8] {
            for cost in try Fleets.costs(devices: devices, count: 5, seed: UInt64(500 + devices)) {
                let instance = try Fleets.instance(cost, .any)
                var exact = PlacementSearch(instance, seed: 1) { false }
                var search = PlacementSearch(instance, seed: 1, exactDevices: 0) { false }
                exact.run()
                search.run()
                let best = exact.candidates.map(\.rate).max() ?? 0
                let found = search.candidates.map(\.rate).max() ?? 0
                #expect(found <= best * (1 + 1e-6))
                #expect(found >= best * 0.85)
                all += 1
                if found >= best * 0.98 { close += 1 }
            }
        }
        #expect(close * 10 >= all * 9, "\(close) of \(all)")
    }

    @Test func aLargerFleetHasAPlanBelowItsBound() throws {
        for cost in try Fleets.costs(devices: 14, count: 2, seed: 900) {
            let result = try PlacementPlanner(objective: .throughput, seed: 3).plan(
                cost: cost, demand: Fleets.demand, limits: Fleets.limits())
            #expect(Fleets.problem(result.placed, result.instance) == nil)
            #expect(result.upperBound >= result.placed.rate)
            #expect(result.gap < 0.5)
            #expect(!result.isExact && !result.wasStopped)
        }
    }
}
