/// Why something did not come about, as it is told to who asked: the body of an `error` message, and what the cores of all
/// services refuse with.
public struct Fault: Error, Codable, Sendable, Hashable, CustomStringConvertible {
    /// A stable code (snake_case).
    public var code: String
    /// One sentence for people that names what is wrong.
    public var message: String
    /// Whether the same attempt may succeed later or elsewhere.
    public var isRetriable: Bool

    /// Makes a fault.
    public init(_ code: String, _ message: String, isRetriable: Bool = false) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
    }

    /// The code of a sequence that gave its KV cache up for older ones: nothing failed, and it goes on as soon as there is room.
    public static let preemptedCode = "preempted"
    /// The code of a sequence that should begin with blocks of KV cache that are not there: it is computed in full.
    public static let prefixMissingCode = "prefix_missing"

    /// The code of a request whose constraint cannot be compiled, or leads nowhere: nothing is wrong with the workers.
    public static let constraintFailedCode = "constraint_failed"
    /// The code of a request with a constraint where no replica knows of constraints.
    public static let constraintsNotSupportedCode = "constraints_not_supported"

    /// The code of a request that asks for biases or log probabilities where no replica knows of them.
    public static let samplingNotSupportedCode = "sampling_not_supported"

    /// Code and message.
    public var description: String { "\(code): \(message)" }

    private enum CodingKeys: String, CodingKey {
        case code, message
        case isRetriable = "retriable"
    }
}
