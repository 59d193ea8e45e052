import Glibc

/// What an endpoint can be reached from.
public enum Reach {
    /// Whether other machines may reach what is bound there.
    public static func leavesMachine(_ endpoint: String) -> Bool {
        guard let host = host(endpoint) else { return false }
        return !(host.hasPrefix("127.") || host == "localhost" || host == "::1" || host == "lo")
    }

    /// The host part of a TCP endpoint, without brackets; `nil` for others.
    static func host(_ endpoint: String) -> String? {
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return nil }
        let host = endpoint[endpoint.index(endpoint.startIndex, offsetBy: 6)..<colon]
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
    }

    /// What to announce for a bound endpoint: where it is bound on every address, the one that leads towards a peer.
    public static func announced(_ bound: String, towards peer: String) -> String {
        guard let host = host(bound), ["0.0.0.0", "*", "::"].contains(host), let colon = bound.lastIndex(of: ":"),
            let address = localAddress(towards: peer)
        else { return bound }
        return "tcp://\(address.contains(":") ? "[\(address)]" : address)\(bound[colon...])"
    }

    /// Whether an endpoint names no address that a peer could connect to.
    static func isWildcard(_ endpoint: String) -> Bool {
        host(endpoint).map { ["0.0.0.0", "*", "::"].contains($0) } ?? false
    }

    /// The address of this machine from which packets to a peer leave; nothing is sent.
    static func localAddress(towards peer: String) -> String? {
        guard let host = host(peer), let colon = peer.lastIndex(of: ":") else { return nil }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(peer[peer.index(after: colon)...]), &hints, &found) == 0 else { return nil }
        defer { freeaddrinfo(found) }
        var next = found
        while let candidate = next {
            defer { next = candidate.pointee.ai_next }
            let descriptor = socket(candidate.pointee.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            guard connect(descriptor, candidate.pointee.ai_addr, candidate.pointee.ai_addrlen) == 0 else { continue }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let isNamed = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    getsockname(descriptor, address, &length) == 0
                        && getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
                }
            }
            if isNamed { return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        }
        return nil
    }
}
