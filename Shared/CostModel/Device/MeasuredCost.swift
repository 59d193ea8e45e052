internal import Domain

/// The curves of one measured device.
struct MeasuredCost: Sendable, Hashable {
    let prefill: MonotoneTable?
    let decode: DecodeTable?
    let head: MonotoneTable?
    /// How many layers the LM head weighs, for a device whose head was not measured.
    let headLayers: Double

    init(_ measurements: DeviceMeasurements, model: ModelDescription) throws(CostError) {
        prefill = MonotoneTable(
            samples: measurements.prefill.filter { $0.tokens > 0 }.map { (Double($0.tokens), $0.secondsPerLayer) },
            degree: 2)
        decode = DecodeTable(measurements.decode)
        head = MonotoneTable(
            samples: measurements.head.filter { $0.rows > 0 }.map { (Double($0.rows), $0.seconds) }, degree: 1)
        headLayers = Double(max(model.bytesHead, model.bytesEmbedding)) / Double(max(1, model.bytesPerLayer))
        guard prefill != nil || decode != nil else {
            throw CostError(.noMeasurements, "neither prefill nor decode times were measured")
        }
    }

    /// Measured, or (without a head table) as slow as decoding through layers of the same size.
    func headSeconds(rows: Int) -> Double {
        if let head { return head.value(at: Double(rows)) }
        if let decode { return headLayers * decode.seconds(batch: rows, contextSum: 0) }
        return headLayers * (prefill?.value(at: Double(rows)) ?? .infinity)
    }
}

/// Fitted coefficients of a measured device, for people and dashboards; estimates use `DeviceCost`.
public struct DeviceFit: Sendable, Hashable {
    /// Prefill seconds per layer: coefficients of 1, T, T^2; empty where prefill was not measured.
    public let prefill: [Double]
    /// Root mean square of the relative error of the prefill fit.
    public let prefillRelativeError: Double
    /// Decode seconds per layer; `nil` where decode was not measured.
    public let decode: DecodeFit?
    /// LM head seconds: coefficients of 1, rows; empty where it was not measured.
    public let head: [Double]

    init(_ cost: MeasuredCost) {
        prefill = cost.prefill?.coefficients ?? []
        prefillRelativeError = cost.prefill?.relativeError ?? 0
        decode = cost.decode?.fit
        head = cost.head?.coefficients ?? []
    }
}
