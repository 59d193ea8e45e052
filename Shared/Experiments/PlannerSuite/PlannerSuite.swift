/// How good the default planner is: beside the optimum of small fleets, and beside the baselines on fleets of all sizes.
///
/// Everything but the times follows from the settings.
public struct PlannerSuite: Sendable {
    /// How far a run is.
    public struct Progress: Sendable, Hashable {
        /// Comparisons that are done.
        public var done: Int
        /// Comparisons of the whole run.
        public var total: Int
        /// The comparison that was done last, for people.
        public var last: String
    }

    /// What is compared.
    public var settings: PlannerSuiteSettings

    /// Makes a suite.
    public init(_ settings: PlannerSuiteSettings = PlannerSuiteSettings()) { self.settings = settings }

    /// Comparisons of a run.
    public var comparisons: Int {
        settings.smallCount
            + settings.fleets.reduce(0) { $0 + $1.count } * settings.models.count * SuiteMode.allCases.count
    }

    /// Runs the suite on the calling thread. `seconds` is a clock; `progress` is called after every comparison.
    ///
    /// - Throws: `unknownModel`, `noFleet`, `invalidSettings`.
    public func run(
        seconds: () -> Double, progress: (Progress) -> Void = { _ in }
    ) throws(ExperimentError) -> PlannerSuiteResult {
        try settings.check()
        let start = seconds()
        var result = PlannerSuiteResult(settings: settings)
        func report(_ fleet: SuiteFleet, _ mode: SuiteMode) {
            let done = result.small.count + result.fleets.count
            progress(Progress(done: done, total: comparisons, last: "\(fleet.label), \(mode.rawValue)"))
        }
        try withoutActuallyEscaping(seconds) { seconds throws(ExperimentError) in
            for index in 0..<settings.smallCount {
                let mode = smallMode(index)
                let outcome = try SmallComparison(fleet: try small(index), mode: mode, seconds: seconds).outcome()
                result.small.append(outcome)
                report(outcome.fleet, mode)
            }
            for draws in settings.fleets {
                for draw in 0..<draws.count {
                    for model in settings.models {
                        let fleet = try DrawnFleet(
                            devices: draws.devices, seed: fleetSeed(draws.devices, draw), model: model)
                        for mode in SuiteMode.allCases {
                            result.fleets.append(
                                try FleetComparison(
                                    fleet: fleet, mode: mode, rateShare: settings.rateShare, seconds: seconds
                                ).outcome())
                            report(fleet.name, mode)
                        }
                    }
                }
            }
        }
        result.seconds = seconds() - start
        return result
    }

    // MARK: - Draws

    private func small(_ index: Int) throws(ExperimentError) -> DrawnFleet {
        let sizes = settings.smallDevices
        let model = settings.models[index / sizes.count % settings.models.count]
        return try DrawnFleet(
            devices: sizes[index % sizes.count], seed: firstSeed &+ UInt64(index) * 1000, model: model)
    }

    private func smallMode(_ index: Int) -> SuiteMode {
        let modes = SuiteMode.allCases
        return modes[index / (settings.smallDevices.count * settings.models.count) % modes.count]
    }

    /// Apart for every size: the generator draws topology and types first, which would be the same for all sizes.
    private func fleetSeed(_ devices: Int, _ draw: Int) -> UInt64 {
        firstSeed &+ 100_000_000 &+ UInt64(devices) * 100_000 &+ UInt64(draw) * 1000
    }

    private var firstSeed: UInt64 { settings.seed &* 1_000_000_000 }
}

extension PlannerSuiteSettings {
    /// Checks that the settings can be run.
    func check() throws(ExperimentError) {
        func refuse(_ what: String) -> ExperimentError { ExperimentError(.invalidSettings, what) }
        if models.isEmpty { throw refuse("models: there is none") }
        if smallCount < 0 { throw refuse("small count: \(smallCount) is negative") }
        if smallCount > 0, smallDevices.isEmpty { throw refuse("small devices: there is no size") }
        for devices in smallDevices where !(2...9).contains(devices) {
            throw refuse("small devices: \(devices) is not in 2...9")
        }
        for draws in fleets {
            let (devices, count) = (draws.devices, draws.count)
            if !(2...256).contains(devices) { throw refuse("fleets: \(devices) devices are not in 2...256") }
            if !(0...1000).contains(count) { throw refuse("fleets: \(count) of a size are not in 0...1000") }
        }
        if !(rateShare > 0 && rateShare <= 10) { throw refuse("rate share: \(rateShare) is not in 0...10") }
    }
}
