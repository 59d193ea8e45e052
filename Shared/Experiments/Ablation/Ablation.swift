internal import Domain
internal import Foundation
internal import Scenarios
internal import Simulation

/// What each part of E2LLM brings: the same scenarios with one part after the other switched off.
public struct Ablation: Sendable {
    /// What is simulated; of the modes and shares, only that everything is on counts.
    public var settings: LadderSettings
    /// The streams.
    public var streams: [LadderStream]
    /// The rate of the runs as a share of what all of E2LLM sustains.
    public static let share = 0.75

    /// Makes an ablation.
    public init(_ settings: LadderSettings = LadderSettings(), streams: [LadderStream] = [.conversation, .code]) {
        self.settings = settings
        self.settings.modes = [.on]
        self.settings.shares = [Self.share]
        self.streams = streams
    }

    /// Runs all scenarios, on so many threads. `seconds` is a clock; `progress` is called after every scenario.
    ///
    /// - Throws: `unknownModel`, `noFleet`, `invalidSettings`.
    public func run(
        threads: Int = 1, seconds: @Sendable () -> Double, progress: @escaping @Sendable (ExperimentProgress) -> Void
    ) throws(ExperimentError) -> AblationResult {
        let ladder = Ladder(settings, streams: streams)
        try settings.check()
        if streams.isEmpty { throw ExperimentError(.invalidSettings, "streams: there is none") }
        let start = seconds()
        let outcomes = try ExperimentThreads.map(ladder.draws, threads: threads, progress: progress) {
            draw throws(ExperimentError) in
            let outcome = try outcome(draw, ladder)
            return (outcome, outcome.scenario.label)
        }
        return AblationResult(
            settings: settings, streams: streams.map(\.name), outcomes: outcomes, seconds: seconds() - start)
    }

    private func outcome(_ draw: Ladder.Draw, _ ladder: Ladder) throws(ExperimentError) -> AblationOutcome {
        let seed = ladder.fleetSeed(draw.devices, draw.index)
        let drawn = try DrawnFleet(devices: draw.devices, seed: seed, model: draw.model)
        let stream = try draw.stream.requests(settings.requests, seed: seed)
        let scenario = LadderScenario(
            fleet: drawn.name, stream: stream.name, mode: .on, requests: stream.requests.count)
        var outcome = AblationOutcome(scenario: scenario, rate: 0, variants: [])
        var planned = 1.0
        for part in AblationSwitch.allCases {
            let run = ScenarioRun(drawn, stream: stream, conditions: part.conditions)
            if part == .nothing {
                // Asked for more than it can carry first, to learn what that is.
                let most = run.plan(.b0, rate: 1)?.plan.predictedRequestsPerSecond ?? 1
                planned = 0.9 * max(1e-6, max(most, run.plan(.b3, rate: 1)?.plan.predictedRequestsPerSecond ?? 0))
            }
            guard var plan = run.plan(part.system, rate: planned) else { continue }
            plan.plan = part.changed(
                plan.plan, drawn.cost, requestTokens: Int(stream.statistics.total.mean),
                largestBatch: run.conditions.largestBatch)
            let capacity = try run.capacity(part.system, on: plan)
            if part == .nothing { outcome.rate = Self.share * capacity }
            outcome.variants.append(
                AblationOutcome.Variant(
                    part: part, capacity: capacity,
                    figures: LadderFigures(try run.record(part.system, on: plan, rate: outcome.rate))))
        }
        return outcome
    }
}

/// One scenario of an ablation.
public struct AblationOutcome: Codable, Sendable, Hashable {
    /// E2LLM without one part.
    public struct Variant: Codable, Sendable, Hashable {
        /// What is switched off.
        public var part: AblationSwitch
        /// Requests per second up to which queues stay bounded.
        public var capacity: Double
        /// What requests see at the scenario's rate.
        public var figures: LadderFigures
    }

    /// The scenario.
    public var scenario: LadderScenario
    /// Requests per second.
    public var rate: Double
    /// The variants; the first one has everything.
    public var variants: [Variant]
}

/// The values of an ablation.
public struct AblationResult: Codable, Sendable, Hashable {
    /// What a part brings: geometric means over scenarios, of the variant without it over the one with everything.
    public struct Effect: Codable, Sendable, Hashable {
        /// What is switched off.
        public var part: AblationSwitch
        /// Scenarios.
        public var count: Int
        /// Of capacity, of waiting, and of the time to the last token.
        public var capacity: Double?
        /// Of waiting.
        public var waiting: Double?
        /// Of the time to the last token.
        public var total: Double?
        /// Share of the scenarios in which anything changes by more than 1 %.
        public var share: Double?
    }

    /// What was run.
    public var settings: LadderSettings
    /// Names of the streams.
    public var streams: [String]
    /// One line a scenario.
    public var outcomes: [AblationOutcome]
    /// Seconds of the whole run.
    public var seconds: Double

    /// What every part brings.
    public var effects: [Effect] {
        AblationSwitch.allCases.dropFirst().map { part in
            var capacity: [Double] = []
            var waiting: [Double] = []
            var total: [Double] = []
            for outcome in outcomes {
                guard let full = outcome.variants.first(where: { $0.part == .nothing }),
                    let variant = outcome.variants.first(where: { $0.part == part })
                else { continue }
                capacity.append(variant.capacity / full.capacity)
                waiting.append(max(0.01, variant.figures.waiting) / max(0.01, full.figures.waiting))
                total.append(variant.figures.total / full.figures.total)
            }
            let changed = zip(capacity, total).map { abs($0 - 1) > 0.01 || abs($1 - 1) > 0.01 ? 1.0 : 0 }
            return Effect(
                part: part, count: capacity.count, capacity: Averages.geometricMean(capacity),
                waiting: Averages.geometricMean(waiting), total: Averages.geometricMean(total),
                share: Averages.share(changed) { $0 > 0 })
        }
    }

    /// The values as a JSON file, with the effects.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        struct File: Encodable {
            var result: AblationResult
            var effects: [Effect]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(File(result: self, effects: effects))) + Array("\n".utf8)
    }

    /// One line a variant.
    public var csv: String {
        var lines = ["devices,seed,model,stream,n,rate,off,capacity,w_total_s,e2e_s,throughput"]
        for outcome in outcomes {
            let scenario = outcome.scenario
            for variant in outcome.variants {
                lines.append(
                    [
                        "\(scenario.fleet.devices)", "\(scenario.fleet.seed)", scenario.fleet.model,
                        LadderResult.quoted(scenario.stream), "\(scenario.requests)", "\(outcome.rate)",
                        variant.part.rawValue, "\(variant.capacity)", "\(variant.figures.waiting)",
                        "\(variant.figures.total)", "\(variant.figures.throughput)",
                    ].joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
