import Domain

/// Turns a client's JSON into a checked request.
struct RequestReader: Sendable {
    let model: ServedModel
    let limits: RequestLimits

    /// Reads a body of `/v1/chat/completions` or `/v1/completions`.
    func read(_ body: JSONValue, kind: GenerationKind) throws(APIError) -> GenerationRequest {
        let fields = try RequestFields(body)
        if let name = try fields.string("model"), !model.names.contain(name) { throw model.names.unknown(name) }
        try UnsupportedFields.check(fields, allowing: kind == .completion ? ["add_special_tokens"] : [])
        var request = GenerationRequest(
            kind: kind, prompts: [], sampling: try SamplingReader(fields, model.vocabulary).read(),
            maxTokens: try maxTokens(fields, kind))
        request.choices = try fields.int("n", in: 1...limits.choices) ?? 1
        if let best = try fields.int("best_of", in: 1...limits.choices), best != request.choices {
            throw APIError.unsupported("best_of")
        }
        request.cacheSalt = try fields.string("cache_salt")
        if let salt = request.cacheSalt, salt.isEmpty || salt.utf8.count > limits.saltBytes {
            throw APIError.invalid("cache_salt must have 1 to \(limits.saltBytes) bytes", "cache_salt")
        }
        try readStop(fields, into: &request)
        try readStream(fields, into: &request)
        let found = try ConstraintReader(fields).read()
        (request.constraint, request.constraintField) = (found?.constraint, found?.field)
        let tools = try ToolReader(fields, model.vocabulary).read()
        switch kind {
        case .chat:
            if try fields.bool("echo") == true { throw APIError.unsupported("echo") }
            request.prompts = [GenerationRequest.Prompt(tokens: try ChatReader(self).tokens(fields, tools))]
            try readAnswer(fields, tools, into: &request)
            if request.constraint != nil, try fields.bool("ignore_eos") == true {
                throw APIError.invalid(
                    "ignore_eos cannot be set where the schemas of tools are followed", "ignore_eos")
            }
        case .completion:
            if tools != nil { throw APIError.unsupported("tools", "tools are for chats only") }
            request.echoes = try fields.bool("echo") ?? false
            request.prompts = try PromptReader(self).prompts(fields, echo: request.echoes)
        }
        try readLogprobs(fields, into: &request)
        let most = max(limits.prompts, limits.choices)
        guard request.prompts.count * request.choices <= most else {
            throw APIError.invalid(
                "n times the number of prompts is \(request.prompts.count * request.choices), at most \(most) are "
                    + "accepted", request.prompts.count > 1 ? "prompt" : "n")
        }
        try checkLengths(request)
        return request
    }

    /// How the answer of a chat is read, and what it must follow for that.
    private func readAnswer(
        _ fields: RequestFields, _ tools: ToolUse?, into request: inout GenerationRequest
    ) throws(APIError) {
        let template = model.vocabulary.chatTemplate ?? ""
        let format = try fields.string("reasoning_format")
        guard [nil, "auto", "deepseek", "none"].contains(format) else {
            throw APIError.unsupported("reasoning_format", "reasoning_format must be auto, deepseek or none")
        }
        let tellsThoughts = try fields.bool("include_reasoning") ?? true
        var syntax = tools?.syntax ?? ToolSyntax(template: template)
        if tools == nil, syntax != .harmony { syntax = nil }
        var controls = model.vocabulary.controlTokens(syntax?.controlTexts ?? [])
        if let tools {
            request.constraint = try ToolConstraint(tools, controls: Set(controls.keys))
                .constraint(answer: request.constraint)
            if request.constraint != nil, request.constraintField == nil { request.constraintField = "tools" }
        } else if syntax == .harmony, let answer = request.constraint {
            // Other constraints are for the whole output, so that there are no channels.
            guard let inChannel = ToolConstraint.inChannel(answer, controls: Set(controls.keys)) else { return }
            request.constraint = inChannel
        }
        // What follows a constraint from its beginning has no thoughts in front.
        let mayThink = syntax != .harmony && format != "none" && request.constraint == nil
        let thinking = mayThink ? ThinkTags.of(template: template) : nil
        guard syntax != nil || thinking != nil else { return }
        if let thinking {
            controls.merge(model.vocabulary.controlTokens([thinking.open, thinking.close])) { $1 }
        }
        let end = model.vocabulary.decode(Array((request.prompts.first?.tokens ?? []).suffix(Self.promptEnd)))
        request.reading = AnswerReading(
            syntax: syntax, names: Set(tools?.callable.map(\.name) ?? []),
            texts: tools?.texts ?? [:],
            mostCalls: tools.map { $0.mostCalls ?? .max } ?? 0, shownTokens: Set(controls.values),
            thinking: thinking, isThinking: thinking?.isOpen(atEndOf: end) ?? false, tellsThoughts: tellsThoughts)
    }

    /// Tokens at the end of a prompt among which the beginning of thoughts is looked for.
    private static let promptEnd = 32

    /// `logprobs` is a switch in chats, with a number beside it, and a number in completions.
    private func readLogprobs(_ fields: RequestFields, into request: inout GenerationRequest) throws(APIError) {
        let most = 0...TokenLikelihood.mostTop
        let top = try fields.int("top_logprobs", in: most) ?? 0
        switch request.kind {
        case .chat:
            let isOn = try fields.bool("logprobs") ?? false
            guard isOn || top == 0 else {
                throw APIError.invalid("top_logprobs is \(top), which needs logprobs to be true", "top_logprobs")
            }
            request.logprobs = isOn ? top : nil
        case .completion:
            guard top == 0 else {
                throw APIError.invalid("top_logprobs is for chats; logprobs is the number here", "top_logprobs")
            }
            request.logprobs =
                fields.value("logprobs") == .bool(false) ? nil : try fields.int("logprobs", in: most)
        }
        request.sampling.topScores = request.logprobs
        guard request.echoes else { return }
        request.sampling.promptScores = request.logprobs
        // The prompt is computed for its log probabilities alone.
        request.hidesOutput = request.maxTokens == 0 && request.logprobs != nil
    }

    private func checkLengths(_ request: GenerationRequest) throws(APIError) {
        let parameter = request.kind == .chat ? "messages" : "prompt"
        for prompt in request.prompts {
            guard !prompt.tokens.isEmpty else { throw APIError.invalid("\(parameter) is empty", parameter) }
            guard prompt.tokens.count < model.context else {
                throw APIError.contextLengthExceeded(
                    promptTokens: prompt.tokens.count, context: model.context, parameter: parameter)
            }
        }
        guard request.minTokens <= max(request.maxTokens, 1) else {
            throw APIError.invalid(
                "min_tokens is \(request.minTokens), more than the most tokens, \(request.maxTokens)", "min_tokens")
        }
    }

    private func maxTokens(_ fields: RequestFields, _ kind: GenerationKind) throws(APIError) -> Int {
        let least = kind == .chat ? 1 : 0
        let newer = try fields.int("max_completion_tokens", in: least...Int.max)
        let older = try fields.int("max_tokens", in: least...Int.max)
        // llama-server's name; -1 and -2 stand for no limit but the context.
        let native = try fields.int("n_predict", in: -2...Int.max).map { $0 < 0 ? Int.max : $0 }
        if let native, native < least {
            throw APIError.invalid("n_predict must be \(least) or more, or -1, not \(native)", "n_predict")
        }
        return newer ?? older ?? native ?? limits.defaultMaxTokens ?? .max
    }

    private func readStop(_ fields: RequestFields, into request: inout GenerationRequest) throws(APIError) {
        switch fields.value("stop") {
        case nil: break
        case .string(let text): request.stopStrings = [text]
        case .array(let elements):
            guard elements.count <= limits.stopStrings else {
                throw APIError.invalid(
                    "stop has \(elements.count) entries, at most \(limits.stopStrings) are accepted", "stop")
            }
            for element in elements {
                guard let text = element.text else { throw APIError.invalid("stop must hold strings only", "stop") }
                request.stopStrings.append(text)
            }
        default: throw APIError.invalid("stop must be a string or an array of strings", "stop")
        }
        for text in request.stopStrings where text.isEmpty || text.utf8.count > limits.stopStringBytes {
            throw APIError.invalid("a stop string must have 1 to \(limits.stopStringBytes) bytes", "stop")
        }
        request.includesStopString = try fields.bool("include_stop_str_in_output") ?? false
        request.minTokens = try fields.int("min_tokens", in: 0...Int.max) ?? 0
        request.stopTokens =
            try fields.tokens("stop_token_ids", vocabulary: model.vocabulary.count, atMost: limits.stopTokens) ?? []
        if try fields.bool("ignore_eos") != true {
            for token in model.vocabulary.endTokens where !request.stopTokens.contains(token) {
                request.stopTokens.append(token)
            }
        }
    }

    private func readStream(_ fields: RequestFields, into request: inout GenerationRequest) throws(APIError) {
        request.streams = try fields.bool("stream") ?? false
        guard let value = fields.value("stream_options") else { return }
        let options = try RequestFields(value, prefix: "stream_options.")
        request.usageInEveryChunk = try options.bool("continuous_usage_stats") ?? false
        request.includesUsage = try options.bool("include_usage") ?? false
        // vLLM needs both to be set for usage in every chunk.
        request.usageInEveryChunk = request.usageInEveryChunk && request.includesUsage
    }
}
