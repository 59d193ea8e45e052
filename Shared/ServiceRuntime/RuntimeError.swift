public import Domain

/// What went wrong in the frame of a service: settings, sockets, replies.
public struct RuntimeError: Error, Sendable, CustomStringConvertible {
    /// Kinds of failure.
    public enum Code: String, Sendable {
        /// A setting is unknown, missing or has a value that is not allowed.
        case badSetting = "bad_setting"
        /// No reply in time.
        case timedOut = "timed_out"
        /// The socket is closed.
        case closed
        /// The peer answered with an error.
        case refused
        /// A file cannot be read or written.
        case file
    }

    /// The kind.
    public let code: Code
    /// One sentence that names what is wrong.
    public let message: String
    /// What the peer reported.
    public let reported: Fault?
    /// Whether the same call may succeed later.
    public let isRetriable: Bool
    /// Where the error was made.
    public let file: StaticString
    /// Where the error was made.
    public let line: UInt

    /// Makes an error.
    public init(
        _ code: Code, _ message: String, reported: Fault? = nil, isRetriable: Bool = false,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        self.code = code
        self.message = message
        self.reported = reported
        self.isRetriable = isRetriable
        self.file = file
        self.line = line
    }

    /// The message.
    public var description: String { message }
}
