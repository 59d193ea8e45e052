import Domain

/// A token of a sequence with how likely it was.
struct ScoredToken: Sendable, Hashable {
    /// The token.
    var token: Int32
    /// `nil` for the first token of a prompt, before which nothing stands.
    var likelihood: TokenLikelihood?
}

/// Writes log probabilities in the two forms of OpenAI's interfaces.
struct LogprobsShape: Sendable {
    /// What is written for a token that is impossible, since JSON has no infinity; vLLM writes the same.
    static let impossible = -9999.0

    private let vocabulary: any ServedVocabulary
    /// How many of the most likely tokens are told.
    private let top: Int

    init(_ vocabulary: any ServedVocabulary, top: Int) {
        self.vocabulary = vocabulary
        self.top = top
    }

    /// `logprobs` of a choice of a chat.
    func chat(_ tokens: [ScoredToken]) -> JSONValue {
        let content = tokens.map { scored -> JSONValue in
            let likelihood = scored.likelihood ?? TokenLikelihood(logProbability: 0)
            let top = likelihood.top.prefix(top).filter(isKnown).map { entry($0.token, $0.logProbability) }
            return entry(scored.token, likelihood.logProbability).adding(["top_logprobs": .array(top)])
        }
        return ["content": .array(content), "refusal": .null]
    }

    private func entry(_ token: Int32, _ logProbability: Float) -> JSONValue {
        let bytes = vocabulary.bytes(of: token)
        return [
            "token": .string(String(decoding: bytes, as: UTF8.self)), "logprob": .number(Self.value(logProbability)),
            "bytes": .array(bytes.map { .integer(Int($0)) }),
        ]
    }

    /// `logprobs` of a choice of a completion; offsets are in characters (Unicode scalars) of the text, and `offset` is that of the first
    /// token, which is moved behind the last one.
    func completion(_ tokens: [ScoredToken], offset: inout TextOffset) -> JSONValue {
        var offsets: [JSONValue] = []
        for scored in tokens { offsets.append(.integer(offset.pass(vocabulary.bytes(of: scored.token)))) }
        return [
            "tokens": .array(tokens.map { .string(text($0.token)) }),
            "token_logprobs": .array(
                tokens.map { $0.likelihood.map { .number(Self.value($0.logProbability)) } ?? .null }),
            "top_logprobs": .array(tokens.map(topOfCompletion)), "text_offset": .array(offsets),
        ]
    }

    /// The most likely tokens and the token itself. Tokens of the same text are one.
    private func topOfCompletion(_ scored: ScoredToken) -> JSONValue {
        guard let likelihood = scored.likelihood else { return .null }
        var members: [JSONValue.Member] = []
        let own = RankedToken(token: scored.token, logProbability: likelihood.logProbability)
        for ranked in likelihood.top.prefix(top).filter(isKnown) + [own] {
            let name = text(ranked.token)
            if !members.contains(where: { $0.key == name }) {
                members.append(JSONValue.Member(key: name, value: .number(Self.value(ranked.logProbability))))
            }
        }
        return .object(members)
    }

    /// What came from another process may name tokens that there are not.
    private func isKnown(_ ranked: RankedToken) -> Bool { ranked.token >= 0 && Int(ranked.token) < vocabulary.count }

    /// The text of a token, or its bytes where they are a part of a character.
    private func text(_ token: Int32) -> String {
        let bytes = vocabulary.bytes(of: token)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let digits = bytes.map { byte in
            let digits = String(byte, radix: 16)
            return "\\x" + (digits.count < 2 ? "0" : "") + digits
        }
        return "bytes:" + digits.joined()
    }

    private static func value(_ logProbability: Float) -> Double {
        logProbability.isFinite ? max(Double(logProbability), impossible) : impossible
    }
}

/// Where in the text of a choice a token begins, in characters.
struct TextOffset: Sendable {
    /// What is left of a text that tokens were made from: control tokens in front of it are not in it.
    private var prompt: ArraySlice<UInt8>
    private var characters = 0

    /// Begins with a prompt that is repeated, or with nothing.
    init(prompt: String = "") { self.prompt = Array(prompt.utf8)[...] }

    /// The offset of a token with these bytes; moves behind it.
    mutating func pass(_ bytes: [UInt8]) -> Int {
        let begin = characters
        if prompt.isEmpty {
            characters += Self.characters(bytes[...])
        } else if prompt.starts(with: bytes) {
            prompt = prompt.dropFirst(bytes.count)
            characters += Self.characters(bytes[...])
        } else if bytes.first == UInt8(ascii: " "), begin == 0, prompt.starts(with: bytes.dropFirst()) {
            // SentencePiece puts a space in front of a text.
            prompt = prompt.dropFirst(bytes.count - 1)
            characters += Self.characters(bytes.dropFirst())
        }
        return begin
    }

    /// Begins behind the prompt, whatever of it did not fit tokens.
    mutating func endPrompt() {
        characters += Self.characters(prompt)
        prompt = []
    }

    /// Characters that begin in some bytes.
    private static func characters(_ bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 & 0xc0 != 0x80 } }
}
