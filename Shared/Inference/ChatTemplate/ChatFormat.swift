/// Turns chats into the tokens of a model: its chat template together with its tokenizer.
public struct ChatFormat: Sendable {
    /// Where model files keep the template.
    static let templateKey = "tokenizer.chat_template"

    /// The text of the template.
    public let source: String
    private let template: ChatTemplate
    private let tokenizer: Tokenizer
    private let bosText: String
    private let eosText: String

    /// Reads the template of a model file.
    ///
    /// - Returns: `nil` where the file has no chat template.
    /// - Throws: `InferenceError` where the template is malformed.
    public init?(gguf: GGUFFile, tokenizer: Tokenizer) throws {
        guard let source = try gguf.metadata.optionalString(Self.templateKey) else { return nil }
        self.source = source
        template = try ChatTemplate(source: source)
        self.tokenizer = tokenizer
        bosText = tokenizer.bosToken.map { String(decoding: tokenizer.piece($0), as: UTF8.self) } ?? ""
        eosText = tokenizer.eosToken.map { String(decoding: tokenizer.piece($0), as: UTF8.self) } ?? ""
    }

    /// What the template uses in the plainest of chats that is not supported: filters and the like are found when they
    /// are reached. Refusals of the template itself are none of these.
    var unsupportedPart: String? {
        do {
            _ = try tokens([ChatMessage(role: "user", content: "Hello")])
        } catch let error as InferenceError where error.code == .unsupported {
            return error.message
        } catch {
            // Some templates want a system message, or other roles.
        }
        return nil
    }

    /// The tokens of a chat, ending where the assistant's answer begins unless told otherwise. The names of special tokens inside messages stay
    /// text. A template that writes the BOS token itself does not get a second one.
    ///
    /// - Parameters:
    ///   - messages: The chat so far.
    ///   - extra: More variables, such as `tools`.
    ///   - ending: What comes behind the last message.
    /// - Throws: `InferenceError` where the template refuses the chat, or does not show the message that is continued.
    public func tokens(
        _ messages: [ChatMessage], extra: [String: TemplateValue] = [:], ending: ChatEnding = .answer
    ) throws -> [Int32] {
        var segments = try template.renderSegments(
            messages: messages, addGenerationPrompt: ending == .answer, bosToken: bosText, eosToken: eosText,
            extra: extra)
        if ending == .continuation { segments = try ending.cut(segments, behind: messages.last?.content ?? "") }
        var tokens = tokenizer.encode(segments: segments, addSpecial: true)
        if let bos = tokenizer.bosToken, tokens.starts(with: [bos, bos]) { tokens.removeFirst() }
        return tokens
    }
}
