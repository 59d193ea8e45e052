internal import Domain
internal import Foundation
public import Simulation

/// One run, measured and simulated, request by request.
public struct ValidationRun: Codable, Sendable, Hashable {
    /// One measure; errors are of the simulation against the measurement.
    public struct Measure: Codable, Sendable, Hashable {
        /// Its name, as in records.
        public var name: String
        /// As measured.
        public var real: Distribution
        /// As simulated.
        public var simulated: Distribution
        /// Mean of the relative errors of single requests, as they are (MPE) and without sign (MAPE); of those whose measured
        /// value is at least 10 ms. `nil` where there is none.
        public var meanError: Double?
        /// MAPE.
        public var meanAbsoluteError: Double?

        /// The error of the mean; `nil` where nothing worth mentioning was measured.
        public var error: Double? {
            real.mean >= ValidationRun.leastSeconds ? simulated.mean / real.mean - 1 : nil
        }
    }

    /// Shorter times say nothing in relation.
    static let leastSeconds = 0.01

    /// The setting's name.
    public var setting: String
    /// The rate as a share of what the setting sustains in simulation.
    public var share: Double
    /// Requests per second.
    public var rate: Double
    /// Requests, and those that finished.
    public var requests: Int
    /// Requests that finished.
    public var finished: Int
    /// The measures: TTFT, TPOT, E2E, waiting and its parts.
    public var measures: [Measure]
    /// Requests per second, measured and simulated.
    public var throughput: Double
    /// The same simulated.
    public var simulatedThroughput: Double
    /// What else the machine did.
    public var machine: MachineUse

    /// Compares two runs of the same requests.
    public init(setting: String, share: Double, real: RunRecord, simulated: RunRecord, machine: MachineUse) {
        self.setting = setting
        self.share = share
        rate = real.rate
        requests = real.requests.count
        finished = real.requests.count { $0.outcome == .finished }
        self.machine = machine
        let (left, right) = (real.withoutStalls, simulated.withoutStalls)
        let (before, after) = (RunSummary(left), RunSummary(right))
        (throughput, simulatedThroughput) = (before.throughput, after.throughput)
        let others = Dictionary(right.requests.map { ($0.id, $0) }) { first, _ in first }
        let pairs = left.requests.compactMap { request -> (RequestTimes, RequestTimes)? in
            guard request.outcome == .finished, let other = others[request.id], other.outcome == .finished else {
                return nil
            }
            return (request, other)
        }
        func measure(
            _ name: String, _ summary: (RunSummary) -> Distribution, _ value: (RequestTimes) -> Double?
        ) -> Measure {
            let errors = pairs.compactMap { one, other -> Double? in
                guard let seen = value(one), let said = value(other), seen >= Self.leastSeconds else { return nil }
                return said / seen - 1
            }
            func mean(_ values: [Double]) -> Double? {
                values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
            return Measure(
                name: name, real: summary(before), simulated: summary(after), meanError: mean(errors),
                meanAbsoluteError: mean(errors.map(\.magnitude)))
        }
        measures = [
            measure("ttft", \.timeToFirstToken, \.timeToFirstToken),
            measure("tpot", \.timePerOutputToken, \.timePerOutputToken), measure("e2e", \.total, \.total),
            measure("w_total", \.waiting, \.waiting), measure("w_prefill", \.prefillWait, \.prefillWait),
            measure("w_kvmem", \.memoryWait, \.memoryWait), measure("t_kv", \.transfer, \.transfer),
            measure("w_decode", \.decodeWait, \.decodeWait),
        ]
    }

    /// The error of throughput.
    public var throughputError: Double? { throughput > 0 ? simulatedThroughput / throughput - 1 : nil }
    /// Whether its figures may be judged.
    public var isSound: Bool { machine.isQuiet && finished == requests && requests > 0 }
}

/// How far the simulator is from reality.
public struct ValidationResult: Codable, Sendable, Hashable {
    /// How long it was.
    public var size: ValidationSize
    /// The settings that were asked for.
    public var settings: [ValidationSetting]
    /// The model.
    public var model: String
    /// The processor, and how many of them.
    public var machine: String
    /// The runs.
    public var runs: [ValidationRun]
    /// Why settings were not measured, by name.
    public var problems: [String: String]

    /// Makes a result.
    public init(
        size: ValidationSize, settings: [ValidationSetting], model: String, machine: String, runs: [ValidationRun],
        problems: [String: String] = [:]
    ) {
        self.size = size
        self.settings = settings
        self.model = model
        self.machine = machine
        self.runs = runs
        self.problems = problems
    }

    /// The mean magnitude of the errors of a measure's means over the runs that may be judged.
    public func meanError(_ name: String) -> Double? {
        let errors = runs.filter(\.isSound).flatMap(\.measures).filter { $0.name == name }.compactMap {
            $0.error?.magnitude
        }
        return errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
    }

    /// The values as a JSON file.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + Array("\n".utf8)
    }

    /// One line a measure of a run.
    public var csv: String {
        var lines = [
            "setting,share,rate,n,finished,measure,real_mean_s,simulated_mean_s,error,mpe,mape,real_p50_s,simulated_p50_s,"
                + "real_p90_s,simulated_p90_s,real_p99_s,simulated_p99_s,others,steal,load,judged"
        ]
        func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        for run in runs {
            let head = [run.setting, "\(run.share)", "\(run.rate)", "\(run.requests)", "\(run.finished)"]
            let tail = [
                "\(run.machine.others)", "\(run.machine.steal)", "\(run.machine.load)", run.isSound ? "yes" : "no",
            ]
            for measure in run.measures {
                let (real, simulated) = (measure.real, measure.simulated)
                let cells = [
                    measure.name, "\(real.mean)", "\(simulated.mean)", cell(measure.error), cell(measure.meanError),
                    cell(measure.meanAbsoluteError), "\(real.p50)", "\(simulated.p50)", "\(real.p90)",
                    "\(simulated.p90)", "\(real.p99)", "\(simulated.p99)",
                ]
                lines.append((head + cells + tail).joined(separator: ","))
            }
            lines.append(
                (head + ["throughput", "\(run.throughput)", "\(run.simulatedThroughput)", cell(run.throughputError)]
                    + [String](repeating: "", count: 8) + tail).joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
