/// Fields of OpenAI's, vLLM's and llama.cpp's interfaces that would change the result and are not implemented. They are
/// refused unless their value means "off", so that nobody gets another result than asked for.
enum UnsupportedFields {
    private static let neutral: [(String, [JSONValue])] = [
        ("logprobs", [false]), ("top_logprobs", [0]), ("prompt_logprobs", []), ("logit_bias", [.object([])]),
        ("functions", [.array([])]), ("function_call", ["none", "auto"]),
        ("suffix", [""]), ("use_beam_search", [false]), ("length_penalty", [1, .number(1)]),
        ("guided_whitespace_pattern", []), ("structural_tag", []), ("grammar_lazy", [false]),
        ("grammar_triggers", [.array([])]), ("bad_words", [.array([])]),
        ("allowed_token_ids", []), ("typical_p", [1, .number(1)]), ("mirostat", [0]),
        ("dynatemp_range", [0, .number(0)]),
        ("dry_multiplier", [0, .number(0)]), ("xtc_probability", [0, .number(0)]), ("top_n_sigma", [-1, .number(-1)]),
        ("skip_special_tokens", [true]), ("truncate_prompt_tokens", []), ("prompt_embeds", []),
        ("chat_template", []), ("chat_template_kwargs", [.object([])]), ("documents", [.array([])]),
        ("continue_final_message", [false]), ("add_generation_prompt", [true]), ("add_special_tokens", [true]),
        ("audio", []), ("web_search_options", []), ("modalities", [["text"]]), ("lora", [.array([])]),
    ]

    /// Throws for the first field that is set to something that cannot be done.
    static func check(_ fields: RequestFields, allowing allowed: Set<String> = []) throws(APIError) {
        if let top = try fields.int("top_logprobs", in: 0...20), top > 0, fields.value("logprobs") != .bool(true) {
            throw APIError.invalid("top_logprobs is \(top), which needs logprobs to be true", "top_logprobs")
        }
        for (key, neutral) in neutral where !allowed.contains(key) {
            guard let value = fields.value(key), !neutral.contains(value) else { continue }
            throw APIError.unsupported(key)
        }
    }
}
