import Foundation

/// How tokens are chosen.
struct ServeSampling: Sendable, Hashable {
    /// 0 takes the most likely token.
    var temperature: Double = 0
    /// Whether generation goes on behind the model's end.
    var ignoresEnd = false
}

/// A request that is ready to be sent.
struct ServeRequest: Sendable, Hashable {
    /// Its JSON.
    var body: Data
    /// Tokens of the prompt as far as the client knows.
    var inputTokens: Int
    /// Tokens that are asked for.
    var outputTokens: Int
}

/// All requests of a benchmark, encoded before the first one is sent.
struct ServeRequests: Sendable, Hashable {
    /// Those that are measured.
    var measured: [ServeRequest]
    /// Those that are sent before, with prompts of their own.
    var warmUps: [ServeRequest]
    /// One that shows whether the server takes requests, with a prompt of its own.
    var check: ServeRequest

    /// Makes the requests.
    ///
    /// - Throws: `Failure` where the model cannot hold one.
    init(_ source: ServeSource, count: Int, warmUps: Int, target: ServeTarget, seed: UInt64) throws {
        let sampling: ServeSampling
        var prompts: [ServePrompt]
        switch source {
        case .random(let random, let chosen):
            sampling = chosen
            // Chats are text for every server.
            prompts = random.make(
                count: count + warmUps + 1, vocabulary: target.interface == .chat ? nil : target.vocabulary, seed: seed)
        case .custom(let texts, let outputTokens, let chosen):
            sampling = chosen
            prompts = texts.prefix(count).map {
                ServePrompt(content: .text($0), inputTokens: 0, outputTokens: outputTokens)
            }
            prompts += RandomPrompts(inputTokens: 16, outputTokens: outputTokens).make(
                count: warmUps + 1, vocabulary: nil, seed: seed)
        }
        for (number, prompt) in prompts.enumerated() {
            guard let context = target.context, case .tokens = prompt.content else { break }
            guard prompt.inputTokens + prompt.outputTokens <= context else {
                throw Failure(
                    .usage,
                    "request \(number + 1) has \(prompt.inputTokens) + \(prompt.outputTokens) tokens, \(target.model) "
                        + "holds \(context)")
            }
        }
        prompts[prompts.count - 1].outputTokens = 1
        // The same run sends the same bytes.
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let all = try prompts.map { prompt in
            ServeRequest(
                body: try encoder.encode(ServeBody(prompt, target: target, sampling: sampling)),
                inputTokens: prompt.inputTokens, outputTokens: prompt.outputTokens)
        }
        measured = Array(all.prefix(count))
        self.warmUps = Array(all.dropFirst(count).dropLast())
        check = all[all.count - 1]
    }
}

/// The JSON of one request.
struct ServeBody: Encodable {
    private let prompt: ServePrompt
    private let target: ServeTarget
    private let sampling: ServeSampling

    init(_ prompt: ServePrompt, target: ServeTarget, sampling: ServeSampling) {
        self.prompt = prompt
        self.target = target
        self.sampling = sampling
    }

    private struct Message: Encodable {
        var role = "user"
        var content: String
    }
    private struct StreamOptions: Encodable {
        var includeUsage = true
        enum CodingKeys: String, CodingKey { case includeUsage = "include_usage" }
    }
    private enum CodingKeys: String, CodingKey {
        case model, prompt, messages, temperature, stream
        case maxTokens = "max_tokens"
        case maxCompletionTokens = "max_completion_tokens"
        case ignoreEnd = "ignore_eos"
        case streamOptions = "stream_options"
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(target.model, forKey: .model)
        switch (target.interface, prompt.content) {
        case (.completions, .tokens(let tokens)): try values.encode(tokens, forKey: .prompt)
        case (.completions, .text(let text)): try values.encode(text, forKey: .prompt)
        case (.chat, .text(let text)): try values.encode([Message(content: text)], forKey: .messages)
        case (.chat, .tokens): preconditionFailure("chats are text")
        }
        try values.encode(
            prompt.outputTokens, forKey: target.interface == .chat ? .maxCompletionTokens : .maxTokens)
        try values.encode(sampling.temperature, forKey: .temperature)
        // Left out unless asked for: some servers refuse fields that OpenAI does not have.
        if sampling.ignoresEnd { try values.encode(true, forKey: .ignoreEnd) }
        try values.encode(true, forKey: .stream)
        try values.encode(StreamOptions(), forKey: .streamOptions)
    }
}
