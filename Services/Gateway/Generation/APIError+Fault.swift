import Domain
import Protocol

extension Fault {
    /// Somebody ended a request that its client still waited for.
    static let cancelledByHand = Fault("cancelled", "the request was cancelled", isRetriable: false)
}

extension APIError {
    /// The error that a client sees for what the fleet reported.
    ///
    /// - Parameters:
    ///   - promptTokens: tokens of the longest prompt.
    ///   - context: most tokens of prompt and output at present.
    ///   - constraint: the field that asks for a constraint.
    ///   - sampling: the field that asks for what old workers do not know of sampling.
    init(
        _ error: Fault, kind: GenerationKind, promptTokens: Int, context: Int, constraint: String? = nil,
        sampling: String? = nil
    ) {
        switch error.code {
        case "context_length_exceeded":
            self = APIError(
                status: 400, type: "exceed_context_size_error", message: error.message,
                parameter: kind == .chat ? "messages" : "prompt", code: error.code,
                details: Self.limits(promptTokens: promptTokens, context: context))
        case Fault.cancelledByHand.code where !error.isRetriable:
            self = APIError(status: 409, type: "cancelled_error", message: error.message, code: error.code)
        case "invalid_request": self = APIError.invalid(error.message, code: error.code)
        case Fault.constraintFailedCode:
            self = APIError.invalid("the output cannot follow the constraint: \(error.message)", code: error.code)
        case Fault.constraintsNotSupportedCode:
            self = APIError(
                status: 400, type: "not_supported_error", message: error.message, parameter: constraint,
                code: error.code)
        case Fault.samplingNotSupportedCode:
            self = APIError(
                status: 400, type: "not_supported_error", message: error.message, parameter: sampling,
                code: error.code)
        case "overloaded": self = APIError.overloaded(error.message)
        case "timed_out":
            self = APIError(
                status: 504, type: "server_error", message: "the request was not routed in time", code: error.code)
        case _ where error.isRetriable:
            self = APIError.unavailable(error.message)
            code = error.code == "unavailable" ? nil : error.code
        default:
            self = APIError.server(error.message)
            code = error.code
        }
    }
}
