/// Gemma 3: embeddings scaled by the square root of their width, RMSNorm of query and key heads and of what attention and
/// feed-forward layer add, GELU; five layers with a sliding window (and a RoPE base of their own) for each one without.
///
/// Source: Gemma 3 Technical Report, 2025 (https://arxiv.org/abs/2503.19786), section 2. The files store `1 + weight` of
/// the norms.
enum Gemma3Architecture {
    static let layerTensors = ArchitectureTensors.decoder
        .union(ArchitectureTensors.headNorms)
        .union(["post_attention_norm.weight", "post_ffw_norm.weight"])

    /// Every sixth layer sees the whole context, unless the header says otherwise.
    private static let usualPeriod = 6
    private static let usualLocalBase = 10_000.0
    /// The 27B model scales attention by the width per head of the hidden state, the others by that of a head; the header
    /// does not say which, so its number of layers must.
    private static let layersOf27B = 62

    static func configuration(
        _ decoder: DecoderFields, embeddingRows: Int, tiedHead: Bool
    ) throws -> ModelConfiguration {
        var result = try decoder.configuration(embeddingRows: embeddingRows, tiedHead: tiedHead, pairing: .halves)
        result.attentionBias = .absent
        result.headNorms = true
        result.postNorms = true
        result.activation = .gelu
        result.embeddingScale = Float(result.hidden).squareRoot()
        if result.layers == layersOf27B {
            result.attentionScale = 1 / Float(result.hidden / result.heads).squareRoot()
        }
        let fields = decoder.fields
        let window = try fields.integer(
            decoder.key("attention.sliding_window"), in: 0...ModelLimits.context.upperBound, default: 0)
        guard window > 0 else { return result }
        let baseKey = decoder.key("rope.freq_base_swa")
        let base = try fields.number(baseKey, default: usualLocalBase)
        guard base > 1, base <= 1e12 else { throw fields.wrong(baseKey, "\(base) is not between 1 and 1e12") }
        result.slidingWindow = SlidingWindow(
            positions: window,
            period: try fields.integer(
                decoder.key("attention.sliding_window_pattern"), in: ModelLimits.layers, default: usualPeriod),
            ropeBase: base)
        return result
    }
}
