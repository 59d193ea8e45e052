internal import CostModel
internal import Domain

/// How fast a device decodes one sequence, by its own figures: bytes per second, and a fixed time per layer.
///
/// Times are those of `RooflineCost`. Decoding one sequence is bound by memory, so arithmetic is left out.
struct DecodeSpeed: Sendable, Hashable {
    /// A measured time.
    struct Sample {
        var model: ModelDescription
        var contextTokens: Int
        var seconds: Double

        /// Bytes of weights and KV cache that a token reads.
        var bytes: Double { DecodeSpeed.bytes(model, contextTokens) }
    }

    /// FLOP/s that bind nothing.
    private static let plenty = 1e18

    /// Bytes per second.
    var bytesPerSecond: Double
    /// Seconds per layer.
    var layerSeconds: Double

    /// From one figure: all of the time is reading.
    init?(_ sample: Sample) {
        guard sample.seconds > 0, sample.seconds.isFinite else { return nil }
        bytesPerSecond = sample.bytes / sample.seconds
        layerSeconds = 0
    }

    /// From two figures: the rate and the time per layer that explain both; where either were negative, from the one that
    /// reads more alone.
    init?(_ first: Sample, _ second: Sample) {
        let larger = first.bytes >= second.bytes ? first : second
        guard let alone = DecodeSpeed(larger) else { return nil }
        self = alone
        let (layers, others) = (Double(first.model.layers), Double(second.model.layers))
        let determinant = first.bytes * others - second.bytes * layers
        guard determinant != 0 else { return }
        let secondsPerByte = (first.seconds * others - second.seconds * layers) / determinant
        let perLayer = (first.bytes * second.seconds - second.bytes * first.seconds) / determinant
        guard secondsPerByte > 0, perLayer >= 0 else { return }
        (bytesPerSecond, layerSeconds) = (1 / secondsPerByte, perLayer)
    }

    /// The device as the planner sees it.
    func cost(_ model: ModelDescription) throws(CostError) -> DeviceCost {
        DeviceCost(
            roofline: try RooflineCost(
                model: model, flops: Self.plenty, bytesPerSecond: bytesPerSecond, layerOverheadSeconds: layerSeconds))
    }

    /// Seconds of a token of one sequence.
    func seconds(_ model: ModelDescription, contextTokens: Int) throws(CostError) -> Double {
        let cost = try cost(model)
        return cost.decodeSeconds(layers: model.layers, batch: 1, contextSum: contextTokens) + cost.headSeconds(rows: 1)
    }

    private static func bytes(_ model: ModelDescription, _ contextTokens: Int) -> Double {
        Double(model.layers) * Double(model.bytesPerLayer + model.kvBytesPerTokenPerLayer * contextTokens)
            + Double(model.bytesHead)
    }
}
