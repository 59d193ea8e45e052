/// Reads the prompts of `/v1/completions`: a text, token ids, or a list of either.
struct PromptReader {
    private let reader: RequestReader

    init(_ reader: RequestReader) { self.reader = reader }

    /// The prompts with their tokens.
    func prompts(_ fields: RequestFields, echo: Bool) throws(APIError) -> [GenerationRequest.Prompt] {
        let addsSpecial = try fields.bool("add_special_tokens") ?? true
        switch fields.value("prompt") {
        case .string(let text): return [try prompt(text, addsSpecial)]
        case .array(let elements):
            guard let first = elements.first else { throw APIError.invalid("prompt is empty", "prompt") }
            if first.whole != nil { return [try prompt(elements, echo)] }
            guard elements.count <= reader.limits.prompts else {
                throw APIError.invalid(
                    "prompt has \(elements.count) entries, at most \(reader.limits.prompts) are accepted", "prompt")
            }
            var result: [GenerationRequest.Prompt] = []
            for element in elements {
                switch element {
                case .string(let text): result.append(try prompt(text, addsSpecial))
                case .array(let tokens): result.append(try prompt(tokens, echo))
                default: throw wrongType
                }
            }
            return result
        default: throw wrongType
        }
    }

    private var wrongType: APIError {
        APIError.invalid("prompt must be a string, an array of token ids, or an array of either", "prompt")
    }

    private func prompt(_ text: String, _ addsSpecial: Bool) throws(APIError) -> GenerationRequest.Prompt {
        guard text.utf8.count <= reader.limits.promptBytes else {
            throw APIError.invalid(
                "prompt has \(text.utf8.count) bytes, at most \(reader.limits.promptBytes) are accepted", "prompt")
        }
        do {
            // The caller writes the whole prompt, special tokens included, as with other servers; only chat messages
            // are text of strangers.
            let tokens = try reader.model.vocabulary.encode(text, addsSpecial: addsSpecial, parsesSpecial: true)
            return GenerationRequest.Prompt(tokens: tokens, text: text)
        } catch {
            throw APIError.invalid("prompt cannot be tokenized: \(error)", "prompt")
        }
    }

    private func prompt(_ elements: [JSONValue], _ echo: Bool) throws(APIError) -> GenerationRequest.Prompt {
        let vocabulary = reader.model.vocabulary
        // Anything longer than this is refused as too long for the context, with the numbers.
        let tokens = try RequestFields.tokens(elements, "prompt", vocabulary: vocabulary.count, atMost: 4_000_000)
        return GenerationRequest.Prompt(tokens: tokens, text: echo ? vocabulary.decode(tokens) : "")
    }
}
