internal import CostModel
internal import Domain

/// One of the paper's devices: what it is said to have, and the shares of it that GPT-OSS-20B reaches on such devices.
struct PaperDevice {
    let id: DeviceID
    let type: String
    /// Bytes for weights and KV cache; the paper's usable memory where it names one.
    let memoryBytes: Int
    /// Memory bandwidth as published, bytes/s, and the share of it that a decode step of one sequence reaches.
    let bandwidth: Double
    let bandwidthShare: Double
    /// FLOP/s as published (see `PaperFleet` for which figure), and the share of it that prompts reach.
    let flops: Double
    let flopsShare: Double
    /// int8 operations per second as published, for information.
    let int8: Double?

    /// Sustained bytes/s.
    var sustainedBandwidth: Double { bandwidth * bandwidthShare }
    /// Sustained FLOP/s.
    var sustainedFlops: Double { flops * flopsShare }
}

extension PaperDevice {
    /// Of a block's step for one sequence, the part that grows with the bytes read; the rest grows with the sequences.
    ///
    /// Fitted to llama-batched-bench with gpt-oss-20b under Metal (https://github.com/ggml-org/llama.cpp/pull/16894): steps of
    /// 2 and 4 sequences took 1.51 and 2.42 times as long as those of one, where the expected experts alone give 1.43 and
    /// 2.13. Nothing was found for larger batches of this model on such devices; the line is continued to 16.
    private static let readShare = 0.75
    private static let sequenceShare = 1 - readShare
    /// Rows up to which a step is computed sequence by sequence; beyond that as a matrix product.
    private static let vectorRows = 16

    /// What the device would have measured about itself, `slowdown` times as slow as the figures say.
    func cost(_ model: ModelDescription, slowdown: Double) throws(CostError) -> CostedDevice {
        var tables = DeviceMeasurements(memoryUsableBytes: memoryBytes)
        for tokens in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] {
            tables.prefill.append(PrefillSample(tokens: tokens, secondsPerLayer: slowdown * prefillSeconds(tokens)))
        }
        for batch in 1...Self.vectorRows {
            for context in [64, 128, 512, 2048, 8192] {
                tables.decode.append(
                    DecodeSample(
                        batch: batch, context: context,
                        secondsPerLayer: slowdown * decodeSeconds(batch: batch, context: context)))
            }
            tables.head.append(HeadSample(rows: batch, seconds: slowdown * headSeconds(batch)))
        }
        return CostedDevice(
            id: id, memoryBytes: memoryBytes, cost: try DeviceCost(measurements: tables, model: model))
    }

    /// Seconds of one block for a step of `batch` sequences with `context` tokens each.
    func decodeSeconds(batch: Int, context: Int) -> Double {
        let kv = Double(batch * PaperModel.fullKVBytes) * PaperModel.attended(Double(context))
        return vectorSeconds(batch) + kv / sustainedBandwidth
    }

    /// Seconds of one block for a prompt of `tokens` tokens.
    func prefillSeconds(_ tokens: Int) -> Double {
        let rows = Double(tokens)
        // Causal attention sees half of the prompt in the mean, windowed attention at most the window.
        let context = (rows / 2 + min(rows / 2, Double(PaperModel.slidingWindow))) / 2
        let flops =
            2 * Double(PaperModel.activeWeights) * rows + 4 * Double(PaperModel.attentionWidth) * rows * context
        return max(
            flops / sustainedFlops, PaperModel.readBytes(rows: tokens) / sustainedBandwidth,
            vectorSeconds(min(tokens, Self.vectorRows)))
    }

    /// Seconds of the LM head for `rows` sequences.
    func headSeconds(_ rows: Int) -> Double {
        max(
            Double(PaperModel.headBytes) / sustainedBandwidth,
            2 * Double(PaperModel.headWeights) * Double(rows) / sustainedFlops)
    }

    private func vectorSeconds(_ rows: Int) -> Double {
        let bytes =
            Self.readShare * PaperModel.readBytes(rows: rows)
            + Self.sequenceShare * Double(rows) * PaperModel.readBytes(rows: 1)
        return bytes / sustainedBandwidth
    }
}
