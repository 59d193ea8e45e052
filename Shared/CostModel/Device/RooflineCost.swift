public import Domain

/// The analytic cost of a device that is described rather than measured: the larger of arithmetic and memory time, plus a
/// fixed cost per layer and pass.
public struct RooflineCost: Sendable, Hashable {
    private let secondsPerFlop: Double
    private let secondsPerByte: Double
    private let overhead: Double
    private let params: Double
    private let attentionWidth: Double
    private let layerBytes: Double
    /// Bytes of K and V of one token in one layer.
    var kvBytes: Double
    private let headBytes: Double
    private let headParams: Double

    /// Makes the cost of a device for a model.
    ///
    /// `flops` are sustained FLOP/s in batched matrix products, `bytesPerSecond` the sustained memory bandwidth,
    /// `layerOverheadSeconds` the fixed cost per layer and pass.
    public init(
        model: ModelDescription, flops: Double, bytesPerSecond: Double, layerOverheadSeconds: Double
    ) throws(CostError) {
        guard flops > 0, flops.isFinite, bytesPerSecond > 0, bytesPerSecond.isFinite else {
            throw CostError(.invalidFigure, "FLOP/s and memory bandwidth of a device must be positive")
        }
        guard layerOverheadSeconds >= 0, layerOverheadSeconds.isFinite else {
            throw CostError(.invalidFigure, "the layer overhead of a device must not be negative")
        }
        secondsPerFlop = 1 / flops
        secondsPerByte = 1 / bytesPerSecond
        overhead = layerOverheadSeconds
        params = Double(model.paramsPerLayer)
        attentionWidth = Double(model.heads) * Double(model.headDim)
        layerBytes = Double(model.bytesPerLayer)
        kvBytes = Double(model.kvBytesPerTokenPerLayer)
        headBytes = Double(model.bytesHead)
        headParams = Double(model.vocabulary) * Double(model.hidden)
    }

    func prefillLayerSeconds(tokens: Double) -> Double {
        let flops = 2 * params * tokens + 2 * attentionWidth * tokens * tokens
        return max(flops * secondsPerFlop, layerBytes * secondsPerByte) + overhead
    }

    /// Extra time of a chunk of `tokens` tokens that attends to `earlier` tokens before it.
    func earlierContextSeconds(tokens: Double, earlier: Double) -> Double {
        4 * attentionWidth * tokens * earlier * secondsPerFlop
    }

    func decodeLayerSeconds(batch: Double, contextSum: Double) -> Double {
        let bytes = layerBytes + kvBytes * contextSum
        let flops = 2 * params * batch + 4 * attentionWidth * contextSum
        return max(bytes * secondsPerByte, flops * secondsPerFlop) + overhead
    }

    func headSeconds(rows: Double) -> Double {
        max(headBytes * secondsPerByte, 2 * headParams * rows * secondsPerFlop)
    }
}
