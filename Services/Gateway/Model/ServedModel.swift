import Domain
import Inference
import Synchronization

/// The texts and tokens of a model.
protocol ServedVocabulary: Sendable {
    /// Entries.
    var count: Int { get }
    /// Tokens that end a generation.
    var endTokens: [Int32] { get }
    /// Why no chat can be turned into tokens although the model is made for chats.
    var chatProblem: String? { get }
    /// The tokens of a text. `addsSpecial` puts the model's begin-of-text token in front where the model wants one,
    /// `parsesSpecial` reads the text of special tokens as those tokens.
    func encode(_ text: String, addsSpecial: Bool, parsesSpecial: Bool) throws -> [Int32]
    /// The tokens of a chat, ending where the assistant's answer begins. Special-token text in messages stays text.
    func encode(_ chat: [ChatMessage]) throws -> [Int32]
    /// The same for a chat whose template is told of tools and other variables, and which may end otherwise.
    func encode(_ chat: [ChatMessage], extra: [String: TemplateValue], ending: ChatEnding) throws -> [Int32]
    /// The chat template.
    var chatTemplate: String? { get }
    /// The control tokens of some names, where the model has them.
    func controlTokens(_ names: Set<String>) -> [String: Int32]
    /// The text of tokens, special ones included.
    func decode(_ tokens: [Int32]) -> String
    /// The text that one token adds to a text; what is not UTF-8 is replaced.
    func piece(_ token: Int32) -> String
    /// The bytes that one token adds to a text.
    func bytes(of token: Int32) -> [UInt8]
    /// Turns generated tokens into text, without special ones.
    func makeText() -> any TokenText
    /// The same, but with the names of some special ones.
    func makeText(showing tokens: Set<Int32>) -> any TokenText
}

extension ServedVocabulary {
    var chatProblem: String? { nil }
    func bytes(of token: Int32) -> [UInt8] { Array(piece(token).utf8) }
    var chatTemplate: String? { nil }
    func encode(_ chat: [ChatMessage]) throws -> [Int32] { try encode(chat, extra: [:], ending: .answer) }
    func controlTokens(_ names: Set<String>) -> [String: Int32] { [:] }
    func makeText(showing tokens: Set<Int32>) -> any TokenText { makeText() }
}

/// The longest sequence that the scheduler promises; all copies of a model share it.
final class PromisedContext: Sendable {
    private struct State {
        var tokens: Int?
        var isKnown = false
    }

    private let state = Mutex(State())

    /// `nil` until the scheduler has told, and where it promises none of its own.
    var tokens: Int? { state.withLock { $0.tokens } }
    /// Whether the scheduler has had a plan, with which it promises.
    var isKnown: Bool { state.withLock { $0.isKnown } }
    /// A scheduler with a plan has told; a promise that was made stays.
    func set(_ tokens: Int?) {
        state.withLock {
            if let tokens, tokens > 0 { $0.tokens = tokens }
            $0.isKnown = true
        }
    }
}

/// The model that the gateway answers for.
struct ServedModel: Sendable {
    /// The names that clients use.
    var names: ModelNames
    /// The identity of the file.
    var digest: ModelDigest
    /// Most tokens of prompt and output together that the file allows.
    var trainedContext: Int
    /// Its texts and tokens.
    var vocabulary: any ServedVocabulary

    /// What the file says about itself.
    var file = ModelFileFacts()

    /// What the fleet promises.
    let promise = PromisedContext()

    /// Most tokens of prompt and output together: what the file allows and every plan can hold.
    var context: Int { min(trainedContext, promise.tokens ?? .max) }

    /// What clients are told of `context`: `nil` before the fleet has promised anything.
    var toldContext: Int? { promise.isKnown ? context : nil }
}
