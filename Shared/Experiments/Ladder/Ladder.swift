internal import Domain
internal import Scenarios
public import Simulation

/// E2LLM beside every baseline: how much each sustains, and how long requests wait at shares of each baseline's capacity.
///
/// Everything but the times follows from the settings.
public struct Ladder: Sendable {
    /// The systems that E2LLM is compared with.
    public static let baselines: [SimulatedSystem] = [.b0, .b0c, .b1, .b1m, .b2, .b3, .hexgen2, .helix]
    /// Systems of which only the capacity is of interest: they part planner and scheduler.
    public static let crossovers: [SimulatedSystem] = [.plannerOnly, .schedulerOnly]

    /// What is compared.
    public var settings: LadderSettings
    /// The streams.
    public var streams: [LadderStream]

    /// Makes a ladder.
    public init(_ settings: LadderSettings = LadderSettings(), streams: [LadderStream] = [.conversation, .code]) {
        self.settings = settings
        self.streams = streams
    }

    /// One scenario of a run.
    struct Draw: Sendable {
        var devices: Int
        var index: Int
        var model: String
        var stream: LadderStream
        var mode: SuiteMode
    }

    var draws: [Draw] {
        var draws: [Draw] = []
        for fleet in settings.fleets {
            for index in 0..<fleet.count {
                for model in settings.models {
                    for stream in streams {
                        for mode in settings.modes {
                            draws.append(
                                Draw(devices: fleet.devices, index: index, model: model, stream: stream, mode: mode))
                        }
                    }
                }
            }
        }
        return draws
    }

    /// Runs all scenarios, on so many threads. `seconds` is a clock; `progress` is called after every scenario.
    ///
    /// - Throws: `unknownModel`, `noFleet`, `invalidSettings`.
    public func run(
        threads: Int = 1, seconds: @Sendable () -> Double, progress: @escaping @Sendable (ExperimentProgress) -> Void
    ) throws(ExperimentError) -> LadderResult {
        try settings.check()
        if streams.isEmpty { throw ExperimentError(.invalidSettings, "streams: there is none") }
        let start = seconds()
        let draws = draws
        let outcomes = try ExperimentThreads.map(draws, threads: threads, progress: progress) {
            draw throws(ExperimentError) in
            let outcome = try outcome(draw)
            return (outcome, outcome.scenario.label)
        }
        return LadderResult(
            settings: settings, streams: streams.map(\.name), outcomes: outcomes, seconds: seconds() - start)
    }

    func outcome(_ draw: Draw) throws(ExperimentError) -> LadderOutcome {
        let seed = fleetSeed(draw.devices, draw.index)
        let drawn = try DrawnFleet(devices: draw.devices, seed: seed, model: draw.model)
        let stream = try draw.stream.requests(settings.requests, seed: seed)
        let run = ScenarioRun(drawn, stream: stream, conditions: draw.mode.conditions)
        let scenario = LadderScenario(
            fleet: drawn.name, stream: stream.name, mode: draw.mode, requests: stream.requests.count)
        var plans: [SimulatedSystem: SystemPlan] = [:]
        for baseline in Self.baselines { plans[baseline] = run.plan(baseline, rate: 1) }
        // Ours is made for what the best of them would carry under high demand.
        let best = plans.values.map(\.plan.predictedRequestsPerSecond).max() ?? 1
        for system in [.e2llm] + Self.crossovers { plans[system] = run.plan(system, rate: 0.9 * max(1e-6, best)) }
        var systems: [LadderOutcome.System] = []
        for system in [.e2llm] + Self.baselines + Self.crossovers {
            guard let plan = plans[system] else { continue }
            systems.append(
                LadderOutcome.System(
                    name: system.rawValue, planned: plan.plan.predictedRequestsPerSecond,
                    capacity: try run.capacity(system, on: plan)))
        }
        var measures: [LadderMeasure] = []
        for baseline in Self.baselines {
            guard let ours = plans[.e2llm], let plan = plans[baseline],
                let capacity = systems.first(where: { $0.name == baseline.rawValue })?.capacity
            else { continue }
            for share in settings.shares {
                let rate = share * capacity
                measures.append(
                    LadderMeasure(
                        baseline: baseline.rawValue, share: share, rate: rate,
                        theirs: LadderFigures(try run.record(baseline, on: plan, rate: rate)),
                        ours: LadderFigures(try run.record(.e2llm, on: ours, rate: rate))))
            }
        }
        return LadderOutcome(scenario: scenario, systems: systems, measures: measures)
    }

    /// Apart for every size: the generator draws topology and types first, which would be the same for all sizes.
    func fleetSeed(_ devices: Int, _ index: Int) -> UInt64 {
        settings.seed &* 1_000_000_000 &+ 500_000_000 &+ UInt64(devices) * 100_000 &+ UInt64(index) * 1000
    }
}
