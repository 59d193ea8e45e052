/// Reads `options` of Ollama's bodies.
enum OllamaOptions {
    /// Our names of fields with those of Ollama.
    static let names: [String: String] = {
        var names = ["response_format": "format", "enable_thinking": "think"]
        for key in passed { names[key] = "options.\(key)" }
        names["n_predict"] = "options.num_predict"
        return names
    }()

    /// Options that have the same name here, unsupported ones included: those are refused where they would do something.
    private static let passed = [
        "temperature", "top_k", "top_p", "min_p", "seed", "stop", "repeat_penalty", "repeat_last_n",
        "presence_penalty", "frequency_penalty", "typical_p", "tfs_z", "mirostat",
    ]

    /// Puts them into a body. What only says how fast a model is computed, and how much memory it may take, is the fleet's
    /// affair.
    static func read(_ fields: RequestFields, into chat: inout ChatBody) throws(APIError) {
        guard let value = fields.value("options") else { return }
        let options = try RequestFields(value, prefix: "options.")
        for key in passed {
            if let value = options.value(key) { chat.put(key, value) }
        }
        if let most = try options.int("num_predict", in: -2...Int.max) {
            guard most != 0 else {
                throw APIError.invalid("options.num_predict must be 1 or more, or -1, not 0", "options.num_predict")
            }
            chat.put("n_predict", .integer(most))
        }
        // The context is what the fleet has; prompts beyond it are refused and never cut.
        _ = try options.int("num_ctx", in: 1...Int.max)
    }
}

/// Names of models as Ollama's clients write them.
enum OllamaNames {
    private static let tag = ":latest"

    /// A name without the tag that stands for none.
    static func short(_ name: String) -> String {
        name.hasSuffix(tag) ? String(name.dropLast(tag.count)) : name
    }

    /// A name with a tag.
    static func tagged(_ name: String) -> String { name.contains(":") ? name : name + tag }
}
