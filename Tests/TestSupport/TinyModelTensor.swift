/// One tensor of a tiny model.
public struct TinyModelTensor: Sendable {
    /// Its GGUF name.
    public var name: String
    /// Its shape in GGUF order: the row length first.
    public var shape: [Int]
    /// Its GGUF type number.
    public var type: UInt32
    /// Its bytes.
    public var bytes: [UInt8]
}

extension TinyModel {
    /// All tensors, in an order like that of real files.
    public func tensors() -> [TinyModelTensor] {
        var random = TinyModelRandom(state: seed)
        let queryWidth = heads * headDim
        let kvWidth = kvHeads * headDim
        let vocabularyCount = Self.vocabulary.tokens.count
        var result = [matrix("token_embd.weight", hidden, vocabularyCount, gain: 4, &random)]
        for layer in 0..<layers {
            let prefix = "blk.\(layer)."
            result += [
                norm(prefix + "attn_norm.weight", hidden, &random),
                matrix(prefix + "attn_q.weight", hidden, queryWidth, gain: 2, &random),
                matrix(prefix + "attn_k.weight", hidden, kvWidth, gain: 2, &random),
                matrix(prefix + "attn_v.weight", hidden, kvWidth, gain: 2, &random),
                matrix(prefix + "attn_output.weight", queryWidth, hidden, gain: 2, &random),
                norm(prefix + "ffn_norm.weight", hidden, &random),
                matrix(prefix + "ffn_gate.weight", hidden, feedForward, gain: 2, &random),
                matrix(prefix + "ffn_up.weight", hidden, feedForward, gain: 2, &random),
                matrix(prefix + "ffn_down.weight", feedForward, hidden, gain: 2, &random),
            ]
            if architecture.hasAttentionBias {
                result += [
                    vector(prefix + "attn_q.bias", queryWidth, around: 0, &random),
                    vector(prefix + "attn_k.bias", kvWidth, around: 0, &random),
                    vector(prefix + "attn_v.bias", kvWidth, around: 0, &random),
                ]
            }
            if architecture.hasHeadNorms {
                result += [
                    norm(prefix + "attn_q_norm.weight", headDim, &random),
                    norm(prefix + "attn_k_norm.weight", headDim, &random),
                ]
            }
            if architecture.hasPostNorms {
                result += [
                    norm(prefix + "post_attention_norm.weight", hidden, &random),
                    norm(prefix + "post_ffw_norm.weight", hidden, &random),
                ]
            }
        }
        result.append(norm("output_norm.weight", hidden, &random))
        if !tiedHead { result.append(matrix("output.weight", hidden, vocabularyCount, gain: 4, &random)) }
        if ropeFactors {
            let factors = (0..<headDim / 2).map { index in 1 + Float(index) * 0.5 }
            result.append(
                TinyModelTensor(
                    name: "rope_freqs.weight", shape: [headDim / 2], type: 0, bytes: TinyModelFormat.f32.encode(factors)
                ))
        }
        return result
    }

    private func matrix(
        _ name: String, _ inputs: Int, _ outputs: Int, gain: Float, _ random: inout TinyModelRandom
    ) -> TinyModelTensor {
        let scale = gain / Float(inputs).squareRoot()
        let values = (0..<inputs * outputs).map { _ in random.symmetric() * scale }
        return TinyModelTensor(
            name: name, shape: [inputs, outputs], type: format.ggufType, bytes: format.encode(values))
    }

    private func norm(_ name: String, _ width: Int, _ random: inout TinyModelRandom) -> TinyModelTensor {
        vector(name, width, around: 1, &random)
    }

    private func vector(
        _ name: String, _ width: Int, around center: Float, _ random: inout TinyModelRandom
    ) -> TinyModelTensor {
        let values = (0..<width).map { _ in center + 0.2 * random.symmetric() }
        return TinyModelTensor(name: name, shape: [width], type: 0, bytes: TinyModelFormat.f32.encode(values))
    }
}

/// splitmix64, for weights.
struct TinyModelRandom {
    var state: UInt64

    /// A number in `-1..<1`.
    mutating func symmetric() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Float(Int64(bitPattern: z) >> 40) * 0x1p-23
    }
}
