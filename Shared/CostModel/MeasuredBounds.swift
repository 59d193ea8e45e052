public import Domain

/// What is believed of measured figures, whoever reports them: a worker, a stored profile, a file, a message. Costs can be
/// computed from whatever lies within these bounds without overflow.
public enum MeasuredBounds {
    /// Most samples of one table.
    public static let mostSamples = 4096
    /// Bytes of a device's memory.
    public static let memoryBytes = 0...(1 << 50)
    /// Tokens of a chunk, sequences of a step, rows of a head.
    public static let counts = 1...FleetCost.largestTokens
    /// Tokens that a sequence has in its KV cache.
    public static let contexts = 0...FleetCost.largestTokens
    /// Longest time in seconds, more than eleven days.
    public static let longestSeconds = 1e6
    /// Quickest link, in bytes per second.
    public static let mostBytesPerSecond = 1e15

    /// Whether something can have taken so many seconds.
    static func isTime(_ seconds: Double) -> Bool { seconds > 0 && seconds <= longestSeconds }

    /// The sentence about a figure that is not believed.
    public static func refusal(_ field: String, _ value: some CustomStringConvertible) -> String {
        "\(field) is \(value), which is out of range"
    }
}

extension DeviceMeasurements {
    /// Why these tables cannot be used, naming the field: `decode[3].batch is 0, which is out of range`; `nil` where they
    /// can.
    public var problem: String? {
        guard MeasuredBounds.memoryBytes.contains(memoryUsableBytes) else {
            return MeasuredBounds.refusal("memory_usable_bytes", memoryUsableBytes)
        }
        guard handoverSeconds >= 0, handoverSeconds <= MeasuredBounds.longestSeconds else {
            return MeasuredBounds.refusal("handover_s", handoverSeconds)
        }
        for (table, count) in [("prefill", prefill.count), ("decode", decode.count), ("head", head.count)]
        where count > MeasuredBounds.mostSamples {
            return "\(table): \(count) samples are more than \(MeasuredBounds.mostSamples)"
        }
        for (index, sample) in prefill.enumerated() {
            if let problem = sample.problem { return "prefill[\(index)].\(problem)" }
        }
        for (index, sample) in decode.enumerated() {
            if let problem = sample.problem { return "decode[\(index)].\(problem)" }
        }
        for (index, sample) in head.enumerated() {
            if let problem = sample.problem { return "head[\(index)].\(problem)" }
        }
        return nil
    }
}

extension PrefillSample {
    fileprivate var problem: String? {
        guard MeasuredBounds.counts.contains(tokens) else { return MeasuredBounds.refusal("tokens", tokens) }
        guard MeasuredBounds.isTime(secondsPerLayer) else {
            return MeasuredBounds.refusal("seconds_per_layer", secondsPerLayer)
        }
        return nil
    }
}

extension DecodeSample {
    fileprivate var problem: String? {
        guard MeasuredBounds.counts.contains(batch) else { return MeasuredBounds.refusal("batch", batch) }
        guard MeasuredBounds.contexts.contains(context) else { return MeasuredBounds.refusal("context", context) }
        guard MeasuredBounds.isTime(secondsPerLayer) else {
            return MeasuredBounds.refusal("seconds_per_layer", secondsPerLayer)
        }
        return nil
    }
}

extension HeadSample {
    fileprivate var problem: String? {
        guard MeasuredBounds.counts.contains(rows) else { return MeasuredBounds.refusal("rows", rows) }
        guard MeasuredBounds.isTime(seconds) else { return MeasuredBounds.refusal("seconds", seconds) }
        return nil
    }
}

extension LinkProfile {
    /// Why this link cannot be used, naming the field; `nil` where it can.
    public var problem: String? {
        guard latencySeconds >= 0, latencySeconds <= MeasuredBounds.longestSeconds else {
            return MeasuredBounds.refusal("latency_s", latencySeconds)
        }
        guard bytesPerSecond > 0, bytesPerSecond <= MeasuredBounds.mostBytesPerSecond else {
            return MeasuredBounds.refusal("bytes_per_s", bytesPerSecond)
        }
        return nil
    }
}
