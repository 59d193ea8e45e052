public import Domain

/// What is wrong with a message.
public struct ProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Kinds of damage.
    public enum Code: String, Sendable, Hashable {
        /// Frame 0 is not `E2LLM/1`, but names another version of the protocol.
        case unsupportedVersion = "unsupported_version"
        /// The frames are not a message of this protocol.
        case malformed
        /// A frame is larger, or there are more frames, than the limits allow.
        case tooLarge = "too_large"
        /// A tensor's description does not fit its frame or the message type.
        case badTensor = "bad_tensor"
        /// The message type is not known to the receiver.
        case unknownType = "unknown_type"
    }

    /// The kind.
    public let code: Code
    /// One sentence that names what is wrong.
    public let message: String
    /// Where the error was made.
    public let file: StaticString
    /// Where the error was made.
    public let line: UInt

    /// Makes an error.
    public init(_ code: Code, _ message: String, file: StaticString = #fileID, line: UInt = #line) {
        self.code = code
        self.message = message
        self.file = file
        self.line = line
    }

    /// Damaged messages do not heal by sending them again.
    public var isRetriable: Bool { false }
    /// Code and message.
    public var description: String { "\(code.rawValue): \(message)" }
    /// The error as it is told to the sender.
    public var fault: Fault { Fault(code.rawValue, message, isRetriable: isRetriable) }

    /// Equality ignores where the error was made.
    public static func == (left: ProtocolError, right: ProtocolError) -> Bool {
        left.code == right.code && left.message == right.message
    }
    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(message)
    }
}
