public import Domain

/// What one device costs: seconds for the layers and the LM head of one model, from its measured tables or from an
/// analytic description.
///
/// Outputs are positive and never fall as any argument grows. A phase that the device was not measured for costs
/// infinity; see `supports`.
public struct DeviceCost: Sendable, Hashable {
    /// No measured pass takes less; keeps every output positive.
    static let smallestSeconds = 1e-9

    private enum Source: Sendable, Hashable {
        case measured(MeasuredCost)
        case analytic(RooflineCost)
    }

    private var source: Source

    /// Fits the tables of a device. Samples that are not positive and finite are ignored.
    ///
    /// - Throws: `noMeasurements` where neither phase has a usable sample.
    public init(measurements: DeviceMeasurements, model: ModelDescription) throws(CostError) {
        source = .measured(try MeasuredCost(measurements, model: model))
    }

    /// Takes an analytic description.
    public init(roofline: RooflineCost) { source = .analytic(roofline) }

    /// Sets the bytes of K and V of one token in one layer that a decode step reads, where the cost counts them.
    mutating func setKVBytes(_ bytes: Int) {
        guard case .analytic(var cost) = source else { return }
        cost.kvBytes = Double(bytes)
        source = .analytic(cost)
    }

    /// Whether the device can do a phase.
    public func supports(_ phase: Phase) -> Bool {
        switch source {
        case .measured(let cost): phase == .prefill ? cost.prefill != nil : cost.decode != nil
        case .analytic: true
        }
    }

    /// The fitted coefficients; `nil` for an analytic description.
    public var fit: DeviceFit? {
        switch source {
        case .measured(let cost): DeviceFit(cost)
        case .analytic: nil
        }
    }

    /// Seconds to pass a prompt chunk of `tokens` tokens through `layers` layers; `earlier` tokens of the same prompt are
    /// in the KV cache already.
    public func prefillSeconds(layers: Int, tokens: Int, earlier: Int = 0) -> Double {
        Double(max(0, layers)) * prefillLayerSeconds(tokens: Double(max(1, tokens)), earlier: Double(max(0, earlier)))
    }

    /// Seconds of one decode step of `batch` sequences through `layers` layers; `contextSum` is the number of tokens in
    /// their KV caches together.
    public func decodeSeconds(layers: Int, batch: Int, contextSum: Int) -> Double {
        let contexts = Double(max(0, contextSum))
        let perLayer =
            switch source {
            case .measured(let cost): cost.decode?.seconds(batch: max(1, batch), contextSum: contexts) ?? .infinity
            case .analytic(let cost): cost.decodeLayerSeconds(batch: Double(max(1, batch)), contextSum: contexts)
            }
        return layers > 0 ? Double(layers) * perLayer : 0
    }

    /// Seconds of the LM head with sampling for `rows` sequences.
    public func headSeconds(rows: Int) -> Double {
        switch source {
        case .measured(let cost): cost.headSeconds(rows: max(1, rows))
        case .analytic(let cost): cost.headSeconds(rows: Double(max(1, rows)))
        }
    }

    private func prefillLayerSeconds(tokens: Double, earlier: Double) -> Double {
        switch source {
        case .measured(let cost):
            guard let table = cost.prefill else { return .infinity }
            let quadratic = table.coefficients.count > 2 ? table.coefficients[2] : 0
            return table.value(at: tokens) + 2 * quadratic * tokens * earlier
        case .analytic(let cost):
            return cost.prefillLayerSeconds(tokens: tokens)
                + cost.earlierContextSeconds(tokens: tokens, earlier: earlier)
        }
    }
}
