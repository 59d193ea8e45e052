/// How an interface writes errors.
enum ErrorForm: Sendable, Hashable {
    /// `{"error":{"message":...,"type":...,"param":...,"code":...}}`
    case openAI
    /// `{"type":"error","error":{"type":...,"message":...}}`
    case anthropic
    /// `{"error":"..."}`
    case ollama

    /// The form of a path where nothing is.
    init(path: String) {
        if path.hasPrefix("/v1/messages") {
            self = .anthropic
        } else if path.hasPrefix("/api/") {
            self = .ollama
        } else {
            self = .openAI
        }
    }

    /// The body of an answer.
    func body(_ error: APIError) -> JSONValue {
        switch self {
        case .openAI: error.body
        case .anthropic:
            [
                "type": "error",
                "error": ["type": .string(Self.anthropicType(error.status)), "message": .string(error.message)],
            ]
        case .ollama: ["error": .string(error.message)]
        }
    }

    /// Anthropic's name for a kind of error; it knows fewer than there are.
    private static func anthropicType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 503: "overloaded_error"
        case 504: "timeout_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }
}
