import Glibc

/// Why a peer cannot be reached, found out by trying, as libzmq tries again in silence.
public enum PeerProblem {
    private static let patienceMilliseconds: Int32 = 2000

    /// The reason, in a few words, without a thread of Swift's pool waiting for it.
    public static func reason(_ endpoint: String) async -> String {
        await OwnThread.run(name: "peer problem") { find(endpoint) }
    }

    /// The reason, in a few words. Blocks for seconds where nobody answers.
    static func find(_ endpoint: String) -> String {
        guard let host = Reach.host(endpoint), let colon = endpoint.lastIndex(of: ":") else {
            return "nobody is bound there"
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(endpoint[endpoint.index(after: colon)...]), &hints, &found)
        guard status == 0 else {
            return "\(host) cannot be looked up: \(String(cString: gai_strerror(status)))"
        }
        defer { freeaddrinfo(found) }
        var reason = "\(host) has no address"
        var next = found
        while let candidate = next {
            next = candidate.pointee.ai_next
            guard let failure = connectFailure(candidate.pointee) else {
                return "something listens there, but it speaks another protocol or refuses our key"
            }
            reason = failure
        }
        return reason
    }

    /// Why no connection to an address can be made; `nil` where one can.
    private static func connectFailure(_ address: addrinfo) -> String? {
        let descriptor = socket(
            address.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), address.ai_protocol)
        guard descriptor >= 0 else { return text(errno) }
        defer { close(descriptor) }
        if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return nil }
        guard errno == EINPROGRESS else { return text(errno) }
        var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&item, 1, patienceMilliseconds) > 0 else { return "no answer" }
        var problem: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length)
        return problem == 0 ? nil : text(problem)
    }

    private static func text(_ number: Int32) -> String { String(cString: strerror(number)).lowercased() }
}
