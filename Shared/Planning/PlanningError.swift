/// Why no plan could be made.
public struct PlanningError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault.
    public enum Code: String, Sendable, Hashable {
        /// No device is measured and ready.
        case noUsableDevice = "no_usable_device"
        /// The devices together cannot hold the model; `missingBytes` says how much is missing.
        case modelDoesNotFit = "model_does_not_fit"
        /// No group of devices can serve one of the phases.
        case noPlan = "no_plan"
        /// A figure of the workload or the options is out of range.
        case invalidInput = "invalid_input"
        /// The search was asked for its result before it was finished.
        case unfinished = "unfinished"
    }

    /// What kind of fault.
    public let code: Code
    /// What is wrong and what is missing, for people.
    public let message: String
    /// Bytes of memory that the fleet lacks, with `modelDoesNotFit`.
    public let missingBytes: Int?
    /// The error underneath, if any.
    public let underlying: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, missingBytes: Int? = nil, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.missingBytes = missingBytes
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
