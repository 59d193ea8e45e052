internal import Foundation
public import Simulation

/// What a live comparison has given so far.
public struct LiveResult: Codable, Sendable, Hashable {
    /// A system.
    public struct System: Codable, Sendable, Hashable {
        /// Who it is.
        public var system: SimulatedSystem
        /// Why it was not measured; `nil` where it was.
        public var problem: String?
        /// Its replicas, for people.
        public var plan = ""
        /// Requests per second that it sustained, and does in simulation.
        public var capacity: Double?
        /// The same simulated.
        public var simulatedCapacity: Double?

        /// Makes a line.
        public init(_ system: SimulatedSystem) { self.system = system }
    }

    /// A run under load.
    public struct Run: Codable, Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Who served.
        public var system: SimulatedSystem
        /// At whose capacity.
        public var baseline: SimulatedSystem
        /// The share of that capacity.
        public var share: Double
        /// The seed of the requests.
        public var seed: UInt64
        /// Requests per second.
        public var rate: Double
        /// Requests, and those that finished.
        public var requests: Int
        /// Requests that finished.
        public var finished: Int
        /// As measured.
        public var real: LadderFigures
        /// The same plan, profile and arrivals simulated.
        public var simulated: LadderFigures?
        /// What else the machine did.
        public var machine: MachineUse

        /// Takes a run; stalls, which the services do not report, count in neither.
        public init(_ task: LiveTask, _ real: RunRecord, simulated: RunRecord?, machine: MachineUse) {
            name = task.name
            system = task.system
            baseline = task.baseline ?? task.system
            share = task.share ?? 1
            seed = task.seed
            rate = real.rate
            requests = real.requests.count
            finished = real.requests.count { $0.outcome == .finished }
            self.real = LadderFigures(real.withoutStalls)
            self.simulated = simulated.map { LadderFigures($0.withoutStalls) }
            self.machine = machine
        }

        /// Whether its figures may be judged.
        public var isSound: Bool { machine.isQuiet && finished == requests }
    }

    /// What was compared.
    public var settings: LiveSettings
    /// The devices and how they are emulated, for people.
    public var devices: [String]
    /// The model.
    public var model: String
    /// The processor, and how many of them.
    public var machine: String
    /// The systems.
    public var systems: [System]
    /// The runs under load, in their order.
    public var runs: [Run]

    /// Makes a result.
    public init(
        settings: LiveSettings, devices: [String], model: String, machine: String, systems: [System], runs: [Run]
    ) {
        self.settings = settings
        self.devices = devices
        self.model = model
        self.machine = machine
        self.systems = systems
        self.runs = runs
    }

    /// Ours beside every baseline at every share, as far as both were measured.
    public var comparisons: [LiveComparison] {
        settings.baselines.flatMap { baseline in
            settings.shares.compactMap { share in LiveComparison(baseline: baseline, share: share, runs) }
        }
    }

    /// The values as a JSON file, with the comparisons.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        struct File: Encodable {
            var result: LiveResult
            var comparisons: [LiveComparison]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(File(result: self, comparisons: comparisons))) + Array("\n".utf8)
    }

    /// Two lines a run: measured and simulated.
    public var csv: String {
        var lines = [
            "run,system,baseline,share,seed,rate,n,finished,source,w_total_s,w_total_p90_s,w_prefill_s,w_kvmem_s,t_kv_s,"
                + "w_decode_s,ttft_s,tpot_s,e2e_s,throughput,others,steal"
        ]
        for run in runs {
            let head = [
                run.name, run.system.rawValue, run.baseline.rawValue, "\(run.share)", "\(run.seed)", "\(run.rate)",
                "\(run.requests)", "\(run.finished)",
            ]
            let both: [(String, LadderFigures?)] = [("measured", run.real), ("simulated", run.simulated)]
            for (source, figures) in both {
                guard let figures else { continue }
                let values =
                    [figures.waiting, figures.waitingP90] + figures.parts.prefix(4)
                    + [figures.timeToFirstToken, figures.timePerOutputToken, figures.total, figures.throughput]
                let machine = [run.machine.others, run.machine.steal]
                lines.append((head + [source] + (values + machine).map { "\($0)" }).joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Ours beside a baseline at a share of its capacity, over seeds. Ratios are ours over theirs; those of means over seeds are
/// geometric.
public struct LiveComparison: Codable, Sendable, Hashable {
    /// Target of the ratio of waiting.
    public static let target = 0.5

    /// A ratio over seeds.
    public struct Ratio: Codable, Sendable, Hashable {
        /// The mean.
        public var mean: Double
        /// The least and the largest.
        public var low: Double
        /// The largest.
        public var high: Double

        init?(_ values: [Double]) {
            guard let low = values.min(), let high = values.max(), let mean = Averages.geometricMean(values) else {
                return nil
            }
            (self.mean, self.low, self.high) = (mean, low, high)
        }
    }

    /// The baseline.
    public var baseline: SimulatedSystem
    /// The share of its capacity.
    public var share: Double
    /// Seeds at which both were measured on a quiet machine.
    public var seeds: [UInt64]
    /// Pairs that are left out, since other programs took too much or requests did not finish.
    public var disturbed: Int
    /// Mean seconds of waiting, theirs and ours.
    public var theirs: Double
    /// Ours.
    public var ours: Double
    /// Ratio of waiting, both sides at least 10 ms.
    public var waiting: Ratio
    /// Ratio of arrival to last token.
    public var total: Ratio
    /// Ratio of throughput.
    public var throughput: Ratio
    /// The ratio of waiting in simulation.
    public var simulated: Ratio?

    /// Takes the pairs of a comparison; `nil` where there is none that may be judged.
    init?(baseline: SimulatedSystem, share: Double, _ runs: [LiveResult.Run]) {
        let here = runs.filter { $0.baseline == baseline && $0.share == share }
        var pairs: [(theirs: LiveResult.Run, ours: LiveResult.Run)] = []
        var disturbed = 0
        for run in here where run.system == baseline {
            guard let ours = here.first(where: { $0.system == .e2llm && $0.seed == run.seed }) else { continue }
            if run.isSound, ours.isSound { pairs.append((run, ours)) } else { disturbed += 1 }
        }
        let measures = pairs.map {
            LadderMeasure(
                baseline: baseline.rawValue, share: share, rate: $0.theirs.rate, theirs: $0.theirs.real,
                ours: $0.ours.real)
        }
        guard let waiting = Ratio(measures.map(\.waitingRatio)), let total = Ratio(measures.map(\.totalRatio)),
            let throughput = Ratio(pairs.map { $0.ours.real.throughput / max(1e-9, $0.theirs.real.throughput) })
        else { return nil }
        self.baseline = baseline
        self.share = share
        self.disturbed = disturbed
        seeds = pairs.map(\.theirs.seed)
        theirs = pairs.reduce(0) { $0 + $1.theirs.real.waiting } / Double(pairs.count)
        ours = pairs.reduce(0) { $0 + $1.ours.real.waiting } / Double(pairs.count)
        (self.waiting, self.total, self.throughput) = (waiting, total, throughput)
        simulated = Ratio(
            pairs.compactMap { pair in
                guard let theirs = pair.theirs.simulated, let ours = pair.ours.simulated else { return nil }
                return max(0.01, ours.waiting) / max(0.01, theirs.waiting)
            })
    }

    /// Whether waiting is at most half, in the mean of the seeds.
    public var isHalved: Bool { waiting.mean <= Self.target }
    /// Whether neither end-to-end time nor throughput is worse, by more than half a percent in the mean of the seeds.
    public var isSound: Bool { total.mean <= 1.005 && throughput.mean >= 0.995 }
    /// Whether the target is reached.
    public var isReached: Bool { isHalved && isSound }
}
