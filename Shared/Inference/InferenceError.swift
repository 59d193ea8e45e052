/// What the inference module refuses or fails at; the message names the file, key, tensor or argument at fault.
public struct InferenceError: Error, Sendable {
    /// The kind of an error, for programs.
    public enum Code: String, Sendable, Hashable {
        /// A file cannot be opened, read or mapped.
        case fileAccess = "file_access"
        /// A file is damaged, truncated or lies about its sizes.
        case invalidFile = "invalid_file"
        /// A file or a request needs something that the engine does not have.
        case unsupported
        /// An argument makes no sense.
        case invalidInput = "invalid_input"
        /// A sequence is not in the state that the call needs.
        case invalidSequence = "invalid_sequence"
        /// Blocks of KV cache with which a sequence should begin are not held.
        case prefixMissing = "prefix_missing"
        /// Memory or KV blocks are missing.
        case outOfMemory = "out_of_memory"
        /// A compute kernel refused its arguments.
        case kernel
        /// The model computed no numbers to choose a token by.
        case notFinite = "not_finite"
        /// A chat template is malformed, raised an exception or exceeded a limit.
        case template
    }

    /// The kind of error.
    public var code: Code
    /// What is wrong, for people.
    public var message: String
    /// What caused it, where something else did.
    public var underlying: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }
}

extension InferenceError: CustomStringConvertible {
    /// The message, and the cause where there is one.
    public var description: String {
        if let underlying { "\(message): \(underlying)" } else { message }
    }
}
