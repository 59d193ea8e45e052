/// Two runs side by side, the first one measured, the second one simulated.
public struct RunComparison: Codable, Sendable, Hashable {
    /// One figure of both runs.
    public struct Figure: Codable, Sendable, Hashable {
        /// Of the first run.
        public var real: Double
        /// Of the second run.
        public var simulated: Double
        /// How much larger the second one is, as a share; absent where the first one is (nearly) 0.
        public var error: Double?

        init(_ real: Double, _ simulated: Double) {
            self.real = real
            self.simulated = simulated
            error = real.magnitude > 1e-9 ? simulated / real - 1 : nil
        }
    }

    /// One measure.
    public struct Measure: Codable, Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Means and 90th percentiles.
        public var mean: Figure
        /// The 90th percentile.
        public var p90: Figure
    }

    /// The measures.
    public var measures: [Measure]
    /// In what the runs are not comparable, for people.
    public var warnings: [String]

    /// Compares runs. Stalls are left out of both where one is measured: the services do not report them.
    public init(_ real: RunRecord, _ simulated: RunRecord) {
        let isMeasured = real.source == .measured || simulated.source == .measured
        let (left, right) = (
            RunSummary(isMeasured ? real.withoutStalls : real),
            RunSummary(isMeasured ? simulated.withoutStalls : simulated)
        )
        var names: [(String, KeyPath<RunSummary, Distribution>)] = [
            ("w_prefill", \.prefillWait), ("w_kvmem", \.memoryWait), ("t_kv", \.transfer), ("w_decode", \.decodeWait),
            ("stall", \.stall), ("w_total", \.waiting), ("ttft", \.timeToFirstToken), ("tpot", \.timePerOutputToken),
            ("e2e", \.total),
        ]
        if isMeasured { names.removeAll { $0.0 == "stall" } }
        measures = names.map { name, path in
            Measure(
                name: name, mean: Figure(left[keyPath: path].mean, right[keyPath: path].mean),
                p90: Figure(left[keyPath: path].p90, right[keyPath: path].p90))
        }
        let throughput = Figure(left.throughput, right.throughput)
        measures.append(Measure(name: "throughput", mean: throughput, p90: throughput))
        // How busy a device is says whether it was as fast as its profile.
        for device in real.devices {
            guard let other = simulated.devices.first(where: { $0.name == device.name }) else { continue }
            let busy = Figure(device.share, other.share)
            measures.append(Measure(name: "busy \(device.name)", mean: busy, p90: busy))
        }
        warnings = []
        if real.model != simulated.model { warnings.append("models: \(real.model) and \(simulated.model)") }
        if left.requests != right.requests { warnings.append("requests: \(left.requests) and \(right.requests)") }
        if left.finished != right.finished { warnings.append("finished: \(left.finished) and \(right.finished)") }
        let tokens = [real, simulated].map { run in run.requests.reduce(0) { $0 + $1.promptTokens + $1.outputTokens } }
        if tokens[0] != tokens[1] { warnings.append("tokens: \(tokens[0]) and \(tokens[1])") }
        if (real.rate / simulated.rate - 1).magnitude > 1e-6 {
            warnings.append("rates: \(real.rate) and \(simulated.rate) requests/s")
        }
    }
}

extension RunRecord {
    /// The run with nothing in its stalls, as measured runs are: the services do not report them.
    public var withoutStalls: RunRecord {
        var run = self
        for index in run.requests.indices { run.requests[index].stall = 0 }
        return run
    }
}
