/// Fields of OpenAI's, vLLM's and llama.cpp's interfaces that would change the result and are not implemented. They are
/// refused unless their value means "off", so that nobody gets another result than asked for.
enum UnsupportedFields {
    private static let off: [JSONValue] = [false]
    private static let zero: [JSONValue] = [0, .number(0)]
    private static let one: [JSONValue] = [1, .number(1)]

    /// Fields with the values that change nothing.
    private static let neutral: [(String, [JSONValue])] = [
        // OpenAI
        ("functions", [.array([])]), ("function_call", ["none", "auto"]),
        ("suffix", [""]), ("audio", []),
        ("web_search_options", []), ("modalities", [["text"]]),
        // vLLM
        ("prompt_logprobs", []), ("use_beam_search", off), ("num_beams", one), ("length_penalty", one),
        ("early_stopping", off), ("guided_whitespace_pattern", []), ("structural_tag", []),
        ("bad_words", [.array([])]), ("allowed_token_ids", []), ("skip_special_tokens", [true]),
        ("spaces_between_special_tokens", [true]), ("truncate_prompt_tokens", []), ("prompt_embeds", []),
        ("chat_template", []), ("documents", [.array([])]), ("add_special_tokens", [true]),
        ("logits_processors", [.array([])]), ("vllm_xargs", [.object([])]), ("thinking_token_budget", []),
        ("repetition_detection", []),
        // llama-server
        ("grammar_lazy", off), ("grammar_triggers", [.array([])]), ("typical_p", one), ("typ_p", one),
        ("mirostat", zero), ("dynatemp_range", zero), ("dry_multiplier", zero), ("xtc_probability", zero),
        ("top_n_sigma", [-1, .number(-1)]), ("adaptive_target", [-1, .number(-1)]), ("lora", [.array([])]),
        ("samplers", [.array([]), ""]), ("n_probs", zero), ("post_sampling_probs", off), ("min_keep", zero),
        ("n_keep", zero), ("n_discard", zero), ("n_indent", zero), ("t_max_predict_ms", zero),
        ("thinking_budget_tokens", [-1]), ("multimodal_data", [.array([])]), ("input_extra", [.array([])]),
        // Others
        ("tfs_z", one), ("tfs", one), ("top_a", zero), ("epsilon_cutoff", zero), ("eta_cutoff", zero),
        ("penalty_alpha", zero), ("smoothing_factor", zero), ("mirostat_mode", zero),
        ("no_repeat_ngram_size", zero), ("encoder_repetition_penalty", one),
    ]

    /// Throws for the first field that is set to something that cannot be done.
    static func check(_ fields: RequestFields, allowing allowed: Set<String> = []) throws(APIError) {
        for (key, neutral) in neutral where !allowed.contains(key) {
            guard let value = fields.value(key), !neutral.contains(value) else { continue }
            throw APIError.unsupported(key)
        }
        // The window of penalties that are off means nothing.
        let window = try fields.int("repeat_last_n", in: -1...Int.max) ?? -1
        let repetition = try fields.double("repeat_penalty", in: 0...10) ?? 1
        let presence = try fields.double("presence_penalty", in: -2...2) ?? 0
        let frequency = try fields.double("frequency_penalty", in: -2...2) ?? 0
        if window != -1, repetition != 1 || presence != 0 || frequency != 0 {
            throw APIError.unsupported(
                "repeat_last_n", "repeat_last_n is not supported: penalties count the whole sequence, as with -1")
        }
    }
}
