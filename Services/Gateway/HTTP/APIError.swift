/// An error as the client sees it: an HTTP status and OpenAI's error object.
struct APIError: Error, Sendable, Hashable {
    /// The HTTP status.
    var status: Int
    /// OpenAI's `type`.
    var type: String
    /// One sentence that names what is wrong, without addresses, paths or traces.
    var message: String
    /// The field that is wrong.
    var parameter: String?
    /// A stable code; the status where there is none.
    var code: String?
    /// Seconds after which to try again.
    var retryAfter: Int?
    /// Methods that the path knows, for 405.
    var allow: String?
    /// More fields of the error object.
    var details: [JSONValue.Member] = []

    /// Whether the same request may succeed later. Clients' libraries try again after every status of 500 or more,
    /// unless they are told that it is of no use.
    var mayPass: Bool { [408, 429, 502, 503, 504].contains(status) }

    /// The value of `error` in the body.
    var object: JSONValue {
        let base: JSONValue = [
            "message": .string(message), "type": .string(type), "param": parameter.map { .string($0) } ?? .null,
            "code": code.map { .string($0) } ?? .integer(status),
        ]
        return base.adding(.object(details))
    }

    /// The body.
    var body: JSONValue { ["error": object] }
}

extension APIError {
    static func invalid(_ message: String, _ parameter: String? = nil, code: String? = nil) -> APIError {
        APIError(
            status: 400, type: "invalid_request_error", message: message, parameter: parameter, code: code)
    }

    static func forbidden(_ message: String, _ code: String) -> APIError {
        APIError(status: 403, type: "permission_error", message: message, code: code)
    }

    static let headersTooLarge = APIError(
        status: 431, type: "invalid_request_error", message: "the headers are too large",
        code: "request_header_fields_too_large")

    static let unreadable = APIError(
        status: 400, type: "invalid_request_error", message: "this is not an HTTP request", code: "bad_request")

    static func unsupported(_ parameter: String, _ message: String? = nil) -> APIError {
        APIError(
            status: 400, type: "invalid_request_error",
            message: message ?? "\(parameter) is not supported by this server", parameter: parameter,
            code: "unsupported_parameter")
    }

    /// The fault is the model's or this server's, but to ask again is of no use, and libraries do so after every status from 500 on.
    static func unusableTemplate(_ reason: String) -> APIError {
        APIError(
            status: 400, type: "not_supported_error",
            message: "this server does not understand the model's chat template (\(reason)): use /v1/completions",
            parameter: "messages", code: "chat_template_not_supported")
    }

    static func unavailable(_ message: String, retryAfter: Int = 2) -> APIError {
        APIError(status: 503, type: "unavailable_error", message: message, retryAfter: retryAfter)
    }

    static func overloaded(_ message: String) -> APIError {
        APIError(status: 503, type: "overloaded_error", message: message, code: "overloaded", retryAfter: 2)
    }

    static func notFound(_ message: String, code: String? = nil, _ parameter: String? = nil) -> APIError {
        APIError(status: 404, type: "not_found_error", message: message, parameter: parameter, code: code)
    }

    static func server(_ message: String) -> APIError {
        APIError(status: 500, type: "server_error", message: message, code: "internal_error")
    }

    static let unauthorized = APIError(
        status: 401, type: "authentication_error", message: "the API key is missing or wrong", code: "invalid_api_key")

    static func rateLimited(key name: String, seconds: Double) -> APIError {
        APIError(
            status: 429, type: "rate_limit_error", message: "the key \(name) is used more often than it may be",
            code: "rate_limit_exceeded", retryAfter: max(1, Int(seconds.rounded(.up))))
    }

    static func contextLengthExceeded(promptTokens: Int, context: Int, parameter: String) -> APIError {
        APIError(
            status: 400, type: "exceed_context_size_error",
            message: "the prompt has \(promptTokens) tokens; with at least one token of output it does not fit the "
                + "context of \(context) tokens", parameter: parameter, code: "context_length_exceeded",
            details: limits(promptTokens: promptTokens, context: context))
    }

    /// What clients need to cut a prompt to the size that fits, by llama-server's names.
    static func limits(promptTokens: Int, context: Int) -> [JSONValue.Member] {
        [
            JSONValue.Member(key: "n_prompt_tokens", value: .integer(promptTokens)),
            JSONValue.Member(key: "n_ctx", value: .integer(context)),
        ]
    }
}
