/// What a model file offers for chats. A template that is not understood forbids chats only: the model completes texts
/// all the same.
public enum ChatSupport: Sendable {
    /// Chats can be turned into tokens.
    case format(ChatFormat)
    /// The file has no chat template.
    case absent
    /// The file has one that cannot be used: why, with the key.
    case unusable(String)

    /// Reads the template and tries it.
    public static func read(_ gguf: GGUFFile, tokenizer: Tokenizer) -> ChatSupport {
        do {
            guard let format = try ChatFormat(gguf: gguf, tokenizer: tokenizer) else { return .absent }
            if let problem = format.unsupportedPart { return .unusable(text(problem)) }
            return .format(format)
        } catch {
            return .unusable(text("\(error)"))
        }
    }

    private static func text(_ problem: String) -> String {
        problem.hasPrefix(ChatFormat.templateKey) ? problem : "\(ChatFormat.templateKey): \(problem)"
    }

    /// Why chats cannot be served although there is a template.
    public var problem: String? { if case .unusable(let reason) = self { reason } else { nil } }
}
