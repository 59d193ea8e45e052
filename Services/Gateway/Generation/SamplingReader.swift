import Domain

/// Reads how tokens are chosen.
struct SamplingReader {
    /// Most tokens of `logit_bias`.
    static let mostBiases = SamplingParameters.mostBiases

    private let fields: RequestFields
    private let vocabulary: any ServedVocabulary

    init(_ fields: RequestFields, _ vocabulary: any ServedVocabulary) {
        self.fields = fields
        self.vocabulary = vocabulary
    }

    /// The parameters; what the client does not say samples from the model's own distribution.
    func read() throws(APIError) -> SamplingParameters {
        var sampling = SamplingParameters()
        sampling.temperature = try fields.double("temperature", in: 0...2) ?? 1
        // 0 keeps the most likely token.
        sampling.topP = try fields.double("top_p", in: 0...1) ?? 1
        // vLLM's clients write -1 for "all".
        sampling.topK = max(0, try fields.int("top_k", in: -1...1_000_000_000) ?? 0)
        sampling.minP = try fields.double("min_p", in: 0...1) ?? 0
        sampling.presencePenalty = try fields.double("presence_penalty", in: -2...2) ?? 0
        sampling.frequencyPenalty = try fields.double("frequency_penalty", in: -2...2) ?? 0
        let repetition = try fields.double("repetition_penalty", in: 0...10, excludingLower: true)
        let repeating = try fields.double("repeat_penalty", in: 0...10, excludingLower: true)
        sampling.repetitionPenalty = repetition ?? repeating ?? 1
        sampling.seed = try fields.seed("seed") ?? UInt64.random(in: 0...UInt64.max)
        let biases = try biases()
        if !biases.isEmpty { sampling.logitBias = biases }
        return sampling
    }

    /// `logit_bias`: an object of token ids (OpenAI), or a list of pairs of a token or a text and a number, or `false` for
    /// never (llama-server).
    private func biases() throws(APIError) -> [LogitBias] {
        guard let value = fields.value("logit_bias") else { return [] }
        var found: [Int32: Float] = [:]
        if let members = value.members {
            for member in members {
                guard let token = Int(member.key) else {
                    throw wrong("the keys are token ids, not \(member.key.prefix(64))")
                }
                found[try id(token)] = try bias(member.value)
            }
        } else if let pairs = value.elements {
            for pair in pairs {
                guard let parts = pair.elements, parts.count == 2 else {
                    throw wrong("a list holds pairs of a token and a number")
                }
                let bias = try bias(parts[1])
                if let token = parts[0].whole {
                    found[try id(token)] = bias
                } else {
                    for token in try tokens(parts[0]) { found[token] = bias }
                }
                guard found.count <= Self.mostBiases else { break }
            }
        } else {
            throw wrong("it is an object of token ids")
        }
        guard found.count <= Self.mostBiases else { throw wrong("more than \(Self.mostBiases) tokens") }
        return found.filter { $0.value != 0 }.map { LogitBias(token: $0.key, bias: $0.value) }
            .sorted { $0.token < $1.token }
    }

    private func wrong(_ what: String) -> APIError { APIError.invalid("logit_bias: \(what)", "logit_bias") }

    private func id(_ token: Int) throws(APIError) -> Int32 {
        guard token >= 0, token < vocabulary.count else {
            throw wrong("token \(token) is not in the vocabulary of \(vocabulary.count)")
        }
        return Int32(token)
    }

    private func bias(_ value: JSONValue) throws(APIError) -> Float {
        if value == .bool(false) { return LogitBias.never }
        guard let number = value.double, (-100...100).contains(number) else {
            throw wrong("a bias is a number from -100 to 100")
        }
        return Float(number)
    }

    private func tokens(_ value: JSONValue) throws(APIError) -> [Int32] {
        guard let text = value.text, text.utf8.count <= 1024,
            let tokens = try? vocabulary.encode(text, addsSpecial: false, parsesSpecial: false)
        else { throw wrong("a pair begins with a token id or a text") }
        return tokens
    }
}
