/// What generated text must follow; tokens that lead elsewhere are never sampled.
public struct SamplingConstraint: Codable, Sendable, Hashable {
    /// How the text of a constraint is to be read.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// A JSON Schema: JSON that it describes.
        case jsonSchema = "json_schema"
        /// Any JSON object; the text is empty.
        case jsonObject = "json_object"
        /// A grammar in GBNF.
        case grammar
        /// A regular expression that matches the whole output.
        case regex
        /// A JSON array of texts, one of which is the output.
        case choice
        /// Texts, control tokens and schemas put together, as JSON.
        case format
    }

    /// Longest text in bytes.
    public static let maximumBytes = 65_536

    /// How the text is to be read.
    public var kind: Kind
    /// The schema, grammar, pattern or list.
    public var text: String

    /// Makes a constraint.
    public init(_ kind: Kind, _ text: String = "") {
        self.kind = kind
        self.text = text
    }
}
