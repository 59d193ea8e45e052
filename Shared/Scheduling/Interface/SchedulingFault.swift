/// Why a request or a plan did not come about, as it is told to who asked.
public struct SchedulingFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// A stable code (snake_case).
    public var code: String
    /// One sentence for people.
    public var message: String
    /// Whether the same attempt may succeed later.
    public var isRetriable: Bool

    /// Makes a fault.
    public init(code: String, message: String, isRetriable: Bool) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
    }

    /// Code and message.
    public var description: String { "\(code): \(message)" }

    static func contextLengthExceeded(tokens: Int, limit: Int) -> SchedulingFault {
        SchedulingFault(
            code: "context_length_exceeded",
            message: "the prompt has \(tokens) tokens; with at least one token of output it does not fit the "
                + "\(limit) tokens that this fleet serves",
            isRetriable: false)
    }
    static func invalidRequest(_ message: String) -> SchedulingFault {
        SchedulingFault(code: "invalid_request", message: message, isRetriable: false)
    }
    static func overloaded(_ message: String) -> SchedulingFault {
        SchedulingFault(code: "overloaded", message: message, isRetriable: true)
    }
    static func unavailable(_ message: String) -> SchedulingFault {
        SchedulingFault(code: "unavailable", message: message, isRetriable: true)
    }
    static func replicaLost(_ message: String) -> SchedulingFault {
        SchedulingFault(code: "replica_lost", message: message, isRetriable: true)
    }
    static let cancelled = SchedulingFault(
        code: "cancelled", message: "the request was cancelled", isRetriable: false)
}
