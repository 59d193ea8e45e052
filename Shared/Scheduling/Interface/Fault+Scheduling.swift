internal import Domain

/// The faults that the scheduler refuses and gives up requests with.
extension Fault {
    static func contextLengthExceeded(tokens: Int, limit: Int) -> Fault {
        Fault(
            "context_length_exceeded",
            "the prompt has \(tokens) tokens; with at least one token of output it does not fit the "
                + "\(limit) tokens that this fleet serves",
            isRetriable: false)
    }
    static func invalidRequest(_ message: String) -> Fault {
        Fault("invalid_request", message, isRetriable: false)
    }
    /// Trying again is of no use as long as the workers are what they are.
    static let constraintsNotSupported = Fault(
        Fault.constraintsNotSupportedCode,
        "no replica of this fleet can constrain its output: its workers are of an older version", isRetriable: false)
    static let samplingNotSupported = Fault(
        Fault.samplingNotSupportedCode,
        "no replica of this fleet can tell log probabilities or add biases: its workers are of an older version",
        isRetriable: false)
    static func overloaded(_ message: String) -> Fault {
        Fault("overloaded", message, isRetriable: true)
    }
    static func unavailable(_ message: String) -> Fault {
        Fault("unavailable", message, isRetriable: true)
    }
    static func replicaLost(_ message: String) -> Fault {
        Fault("replica_lost", message, isRetriable: true)
    }
    /// A sequence gave its KV cache up for older ones, or there was none for it when it came: it goes on later or elsewhere.
    static let preempted = Fault(Fault.preemptedCode, "its KV cache was needed for older sequences", isRetriable: true)
    static let cancelled = Fault("cancelled", "the request was cancelled", isRetriable: false)
}
