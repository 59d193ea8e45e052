import Glibc

/// The addresses behind the name of a host.
enum HostAddresses {
    /// Endpoints with addresses in place of a host name, IPv6 first; none where the endpoint names no host or nobody
    /// knows it. Asking may take seconds.
    static func endpoints(for endpoint: String) -> [(endpoint: String, isIPv6: Bool)] {
        guard endpoint.hasPrefix("tcp://") else { return [] }
        let rest = endpoint.dropFirst("tcp://".count)
        guard let colon = rest.lastIndex(of: ":") else { return [] }
        let host = String(rest[..<colon])
        guard !host.isEmpty, host != "*", !host.hasPrefix("[") else { return [] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &found) == 0 else { return [] }
        defer { unsafe freeaddrinfo(found) }
        var addresses: [(text: String, isIPv6: Bool)] = []
        var next = unsafe found
        while let candidate = unsafe next {
            unsafe next = unsafe candidate.pointee.ai_next
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                unsafe getnameinfo(
                    candidate.pointee.ai_addr, candidate.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0,
                    NI_NUMERICHOST) == 0
            else { continue }
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard !addresses.contains(where: { $0.text == address }) else { continue }
            unsafe addresses.append((address, candidate.pointee.ai_family == AF_INET6))
        }
        let port = rest[colon...]
        return (addresses.filter(\.isIPv6) + addresses.filter { !$0.isIPv6 }).map {
            ("tcp://" + ($0.isIPv6 ? "[\($0.text)]" : $0.text) + port, $0.isIPv6)
        }
    }
}
