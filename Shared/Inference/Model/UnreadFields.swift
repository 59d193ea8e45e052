/// Keys of an architecture that the engine does not read although they would change the result. They are refused by
/// name unless their value leaves everything as it is.
enum UnreadFields {
    /// A key below the architecture's name, the values that change nothing, and what it asks for.
    private typealias Rule = (key: String, neutral: Set<Double>, subject: String)

    private static let rules: [Rule] = [
        ("expert_count", [0], "a mixture of experts is not supported, only dense models are"),
        ("attn_logit_softcapping", [0], "soft-capping of attention is not supported"),
        ("final_logit_softcapping", [0], "soft-capping of logits is not supported"),
        ("logit_scale", [0, 1], "scaling of logits is not supported"),
        ("embedding_scale", [0, 1], "scaling of embeddings is not supported"),
        ("residual_scale", [0, 1], "scaling of residuals is not supported"),
        ("attention.clamp_kqv", [0], "clamping of queries, keys and values is not supported"),
        ("attention.max_alibi_bias", [0], "ALiBi is not supported"),
        ("attention.temperature_scale", [0], "a temperature of attention is not supported"),
        ("attention.temperature_length", [0], "a temperature of attention is not supported"),
        ("attention.shared_kv_layers", [0], "layers that share their keys and values are not supported"),
        ("attention.causal", [1], "attention to later positions is not supported"),
        ("use_parallel_residual", [0], "parallel residuals are not supported"),
        ("rope.scaling.attn_factor", [1], "scaling of attention by RoPE is not supported"),
        ("rope.scaling.yarn_ext_factor", [0, -1], "YaRN is not supported"),
        ("rope.scaling.yarn_attn_factor", [1, -1], "YaRN is not supported"),
        ("rope.scaling.yarn_log_multiplier", [0], "YaRN is not supported"),
    ]

    /// Refuses the first key that asks for something that the engine does not do.
    static func check(_ decoder: DecoderFields, _ model: ModelConfiguration) throws {
        for rule in rules {
            let key = decoder.key(rule.key)
            guard let value = try value(decoder.fields, key), !rule.neutral.contains(value) else { continue }
            throw refusal(key, value, rule.subject)
        }
        let scaleKey = decoder.key("attention.scale")
        if let scale = try value(decoder.fields, scaleKey), scale != 0 {
            let own = Double(model.attentionScale ?? 1 / Float(model.headDim).squareRoot())
            guard abs(scale - own) < own * 1e-5 else {
                throw refusal(scaleKey, scale, "this scale of attention is not supported (supported: \(own))")
            }
        }
        let windowKey = decoder.key("attention.sliding_window")
        if model.slidingWindow == nil, let window = try value(decoder.fields, windowKey), window > 0,
            window < Double(model.contextLength)
        {
            throw refusal(windowKey, window, "a sliding window is not supported in this architecture")
        }
        let sectionsKey = decoder.key("rope.dimension_sections")
        if decoder.fields.has(sectionsKey) {
            throw InferenceError(.unsupported, "\(sectionsKey): RoPE in sections is not supported")
        }
    }

    private static func refusal(_ key: String, _ value: Double, _ subject: String) -> InferenceError {
        let whole = Int(exactly: value).map(String.init)
        return InferenceError(.unsupported, "\(key) is \(whole ?? "\(value)"): \(subject)")
    }

    /// A number, a truth value as 0 or 1, `nil` where the key does not exist.
    private static func value(_ fields: HeaderFields, _ key: String) throws -> Double? {
        guard fields.has(key) else { return nil }
        if let flag = fields.gguf.metadata[key]?.bool { return flag ? 1 : 0 }
        return try fields.number(key)
    }
}
