public import Simulation

/// The paper's table: its fleet, model and workloads, with E2LLM as in the paper, its adapted Splitwise, and the default planner
/// and scheduler, simulated.
///
/// Everything but the times follows from the settings.
public struct PaperExperiment: Sendable {
    /// How far a run is.
    public struct Progress: Sendable, Hashable {
        /// Runs that are done.
        public var done: Int
        /// Runs of the whole experiment.
        public var total: Int
        /// The run that was done last, for people.
        public var last: String
    }

    /// The systems, in the order of the table.
    public static let systems: [SimulatedSystem] = [.paper, .splitwiseAdapted, .e2llm]
    /// The paper's least tokens per second of a decoding request, a limit of all plans.
    static let minimumTokensPerSecond = 15.0
    /// The paper's largest decode concurrency of a replica.
    static let largestBatch = 16

    /// What is run.
    public var settings: PaperSettings

    /// Makes an experiment.
    public init(_ settings: PaperSettings = PaperSettings()) { self.settings = settings }

    /// Runs of the experiment.
    public var runs: Int {
        let cells = settings.slowdowns.count * PaperWorkload.allCases.count * settings.intervals.count
        return Self.systems.count * (cells + (settings.hasVariations ? PaperVariations(settings).all.count : 0))
    }

    /// Runs the experiment on the calling thread. `seconds` is a clock; `progress` is called after every run.
    ///
    /// - Throws: `invalidSettings`.
    public func run(
        seconds: () -> Double, progress: (Progress) -> Void = { _ in }
    ) throws(ExperimentError) -> PaperResult {
        try settings.check()
        let start = seconds()
        var result = PaperResult(settings: settings)
        var done = 0
        func report(_ what: String) {
            done += 1
            progress(Progress(done: done, total: runs, last: what))
        }
        for slowdown in settings.slowdowns {
            for workload in PaperWorkload.allCases {
                for interval in settings.intervals {
                    var cell = PaperCell(workload: workload, interval: interval, settings: settings)
                    cell.slowdown = slowdown
                    cell.hasCapacity = settings.hasCapacities && interval == capacityInterval
                    for system in Self.systems {
                        result.outcomes.append(try cell.outcome(system))
                        report("\(workload.title), every \(interval) s, \(system.rawValue), slowdown \(slowdown)")
                    }
                }
            }
        }
        if settings.hasVariations {
            for variation in PaperVariations(settings).all {
                var outcomes: [PaperOutcome] = []
                for system in Self.systems {
                    outcomes.append(try variation.cell.outcome(system))
                    report("\(variation.label), \(system.rawValue)")
                }
                result.variations.append(PaperVariation(label: variation.label, outcomes: outcomes))
            }
        }
        result.seconds = seconds() - start
        return result
    }

    /// The interval whose plans' capacities are searched: one that overloads the paper's fleet, so that plans are made for
    /// all the traffic there may be.
    private var capacityInterval: Double? {
        settings.intervals.contains(1) ? 1 : settings.intervals.min()
    }
}
