import Domain
import Inference

@testable import Gateway

/// A vocabulary of the 256 bytes and two special tokens, whose texts can be foretold.
struct ByteVocabulary: ServedVocabulary {
    static let end: Int32 = 256
    static let start: Int32 = 257
    private static let endText = "<|end|>"
    /// What the gateway takes for the template; chats are written in the same way whatever it is.
    var chatTemplate: String?

    var count: Int { 258 }
    var endTokens: [Int32] { [Self.end] }

    func encode(_ text: String, addsSpecial: Bool, parsesSpecial: Bool) -> [Int32] {
        var tokens: [Int32] = addsSpecial ? [Self.start] : []
        let parts = parsesSpecial ? text.split(separator: Self.endText, omittingEmptySubsequences: false) : [text[...]]
        for (index, part) in parts.enumerated() {
            if index > 0 { tokens.append(Self.end) }
            tokens += part.utf8.map { Int32($0) }
        }
        return tokens
    }

    func encode(_ chat: [ChatMessage]) -> [Int32] { encode(chat, extra: [:], ending: .answer) }

    /// Variables are written in front, by name.
    func encode(_ chat: [ChatMessage], extra: [String: TemplateValue], ending: ChatEnding) -> [Int32] {
        let variables = extra.filter { $0.key != "tools" }.sorted { $0.key < $1.key }
        var tokens = variables.flatMap { Self.tokens("\($0.key)=\(JSONValue($0.value).written);") }
        tokens += chat.flatMap { message in
            [Self.start] + encode("\(message.role):\(message.content)", addsSpecial: false, parsesSpecial: false)
                + [Self.end]
        }
        if ending == .none { tokens.append(Self.start) }
        return ending == .continuation ? tokens.dropLast() : tokens
    }

    func bytes(of token: Int32) -> [UInt8] { token < 256 ? [UInt8(token)] : [] }

    func piece(_ token: Int32) -> String { decode([token]) }

    func decode(_ tokens: [Int32]) -> String {
        String(decoding: tokens.filter { $0 < 256 }.map { UInt8($0) }, as: UTF8.self)
    }

    func makeText() -> any TokenText { ByteText() }

    static let model = makeModel()

    /// A model of its own, for tests in which the fleet promises a context: all copies of a model share the promise.
    static func makeModel(template: String? = nil, context: Int = 512) -> ServedModel {
        ServedModel(
            names: ModelNames(id: "byte-model", aliases: ["bytes"], silent: ["Byte Model"]), digest: "digest",
            trainedContext: context,
            vocabulary: ByteVocabulary(chatTemplate: template))
    }

    static func tokens(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }
}

/// Text of byte tokens; keeps the bytes of an unfinished character.
struct ByteText: TokenText {
    private var held: [UInt8] = []

    mutating func append(_ token: Int32) -> String {
        guard token < 256 else { return "" }
        held.append(UInt8(token))
        guard let text = String(validating: held, as: UTF8.self) else { return "" }
        held = []
        return text
    }

    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
