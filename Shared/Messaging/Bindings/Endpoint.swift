/// What libzmq does not check in an endpoint: it takes a port modulo 65536.
enum Endpoint {
    /// Whether an endpoint may name an IPv6 address: in brackets, or by a name that is resolved when it connects.
    static func needsIPv6(_ endpoint: String, binds: Bool) -> Bool {
        guard endpoint.hasPrefix("tcp://") else { return false }
        let host = endpoint.dropFirst("tcp://".count)
        if host.hasPrefix("[") { return true }
        return !binds && !host.allSatisfy { $0.isNumber || $0 == "." || $0 == ":" || $0 == "*" }
    }

    static func check(_ endpoint: String) throws(MessagingError) {
        guard !endpoint.utf8.contains(0) else { throw MessagingError(.badEndpoint, "an endpoint contains a zero byte") }
        guard endpoint.hasPrefix("tcp://") else { return }
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 2, let port = parts.last, port == "*" || UInt16(port) != nil else {
            throw MessagingError(.badEndpoint, "\(endpoint) has no port between 0 and 65535 (or *, to bind)")
        }
    }
}
