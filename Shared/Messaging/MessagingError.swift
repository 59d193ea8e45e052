/// What went wrong in this module.
public struct MessagingError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure that callers tell apart.
    public enum Code: String, Sendable {
        /// Another socket is bound to the endpoint.
        case addressInUse = "address_in_use"
        /// The endpoint cannot be parsed, resolved or bound on this machine.
        case badEndpoint = "bad_endpoint"
        /// An option has a value that libzmq does not accept.
        case badOption = "bad_option"
        /// The task was cancelled while it waited.
        case cancelled
        /// The socket, its thread or its context is closed.
        case closed
        /// A limit of the operating system or of libzmq (sockets, threads, descriptors) is reached.
        case exhausted
        /// The outgoing queue is full.
        case queueFull = "queue_full"
        /// No reply came in time.
        case timedOut = "timed_out"
        /// Any other failure of libzmq.
        case transport
    }

    /// What kind of failure it is.
    public let code: Code
    /// What is wrong, with the endpoint or option by name.
    public let message: String
    /// The text of libzmq for its error number, where there is one.
    public let underlying: String?
    /// Where the error was made.
    public let file: String
    /// Where the error was made.
    public let line: Int

    /// Makes an error.
    public init(
        _ code: Code, _ message: String, underlying: String? = nil, file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.file = file
        self.line = line
    }

    /// Whether the same call may succeed later without any change by the caller.
    public var isRetriable: Bool {
        switch code {
        case .addressInUse, .exhausted, .queueFull, .timedOut, .transport: true
        case .badEndpoint, .badOption, .cancelled, .closed: false
        }
    }

    /// The message and what libzmq said.
    public var description: String {
        "\(code.rawValue): \(message)" + (underlying.map { " (\($0))" } ?? "")
    }
}
