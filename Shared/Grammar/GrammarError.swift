/// Why a grammar was not compiled, or why a mask was not computed; the message names the keyword, line or limit at fault.
public struct GrammarError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of an error, for programs.
    public enum Code: String, Sendable, Hashable {
        /// The text is no grammar, schema or pattern at all.
        case invalid
        /// It is one, but uses something that is not supported.
        case unsupported
        /// It is larger or deeper than ``GrammarLimits`` allow.
        case limit
        /// No finite text matches.
        case unsatisfiable
    }

    /// The kind of error.
    public var code: Code
    /// One sentence for the client.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
