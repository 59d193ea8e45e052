/// What a vocabulary says about a token, by its number in `tokenizer.ggml.token_type`.
enum TokenType: UInt8, Sendable {
    /// Any other number.
    case undefined = 0
    /// Part of ordinary text.
    case normal = 1
    /// Stands for text that the vocabulary cannot express.
    case unknown = 2
    /// Steers the model; its text in ordinary text means nothing.
    case control = 3
    /// Added whole to the vocabulary; found in text before anything else is.
    case userDefined = 4
    /// Never produced.
    case unused = 5
    /// One byte.
    case byte = 6

    init(number: Int) { self = UInt8(exactly: number).flatMap(Self.init(rawValue:)) ?? .undefined }

    /// Whether text that equals the token stands for it only where special tokens are parsed.
    var isControl: Bool { self == .control || self == .unknown }
}
