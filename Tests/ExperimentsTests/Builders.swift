import Experiments

/// Outcomes by hand.
enum Builders {
    static func fleet(_ devices: Int, seed: UInt64 = 7) -> SuiteFleet {
        SuiteFleet(devices: devices, seed: seed, model: "llama-3-8b-q4", title: "\(devices) devices of 2 types, wired")
    }

    static func small(
        _ devices: Int, optimum: Double = 2, planner: Double, heuristic: Double, proved: Bool = true,
        certificate: Double? = nil, seed: UInt64 = 7
    ) -> SmallOutcome {
        SmallOutcome(
            fleet: fleet(devices, seed: seed), mode: .off, reference: devices <= 6 ? .enumeration : .exactSearch,
            optimum: optimum, plannerRate: planner, isProved: proved, heuristicRate: heuristic, certificate: certificate
        )
    }

    /// Baselines b0, b1, ... with the given rates; `nil` has no plan.
    static func compared(
        _ devices: Int, mode: SuiteMode = .off, planner: Double?, bound: Double? = nil, baselines: [Double?],
        seed: UInt64 = 7
    ) -> FleetOutcome {
        FleetOutcome(
            fleet: fleet(devices, seed: seed), mode: mode, demandRate: 1,
            planner: FleetOutcome.Plan(name: "planner", rate: planner, problem: planner == nil ? "no room" : nil),
            upperBound: bound,
            baselines: baselines.enumerated().map { index, rate in
                FleetOutcome.Plan(name: "b\(index)", rate: rate, problem: rate == nil ? "one group" : nil)
            })
    }
}
