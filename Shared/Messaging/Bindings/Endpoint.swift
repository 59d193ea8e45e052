/// What libzmq does not check in an endpoint: it takes a port modulo 65536.
enum Endpoint {
    static func check(_ endpoint: String) throws(MessagingError) {
        guard !endpoint.utf8.contains(0) else { throw MessagingError(.badEndpoint, "an endpoint contains a zero byte") }
        guard endpoint.hasPrefix("tcp://") else { return }
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let port = parts.last, port == "*" || UInt16(port) != nil else {
            throw MessagingError(.badEndpoint, "\(endpoint) has no port between 0 and 65535 (or *, to bind)")
        }
    }
}
