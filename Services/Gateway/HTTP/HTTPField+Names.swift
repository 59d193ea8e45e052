import HTTPTypes

extension HTTPField.Name {
    /// The id of a request, echoed or made here.
    static let requestID = requireName("x-request-id")
    /// The same under the name that Anthropic's libraries read.
    static let anthropicRequestID = requireName("request-id")
    /// Whether a client's library should try again; OpenAI's libraries heed it.
    static let shouldRetry = requireName("x-should-retry")
    /// An API key.
    static let apiKey = requireName("x-api-key")
    /// Tells proxies not to collect a stream before passing it on.
    static let acceleratorBuffering = requireName("x-accel-buffering")

    /// Asked and said where a page of the network at large wants to reach a machine of this one.
    static let accessControlRequestPrivateNetwork = requireName("access-control-request-private-network")
    static let accessControlAllowPrivateNetwork = requireName("access-control-allow-private-network")

    /// Which page makes a request, as browsers say.
    static let secFetchSite = requireName("sec-fetch-site")

    private static func requireName(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is a header name") }
        return field
    }
}
