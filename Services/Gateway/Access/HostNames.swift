import Glibc

/// The names by which clients reach the gateway. A page of another site that has its own name lead to this machine (DNS rebinding)
/// still asks for that name, and is told so.
struct HostNames: Sendable {
    private let names: Set<String>
    private let any: Bool

    /// Knows the names of a machine, of the address that is listened at, and further ones; `*` among those stands for every name.
    init(machine: String, listening: String, further: [String] = []) {
        let machine = machine.lowercased()
        let short = String(machine.prefix { $0 != "." })
        var names: Set = ["localhost", machine, short, short + ".local", listening.lowercased()]
        names.formUnion(further.map { $0.lowercased() })
        any = names.remove("*") != nil
        names.remove("")
        names.remove(".local")
        self.names = names
    }

    /// Whether the value of a `Host` header, with or without a port, is a name of this server. Addresses are: nobody can have them lead
    /// elsewhere.
    func contain(_ value: String) -> Bool {
        if any { return true }
        guard let host = Self.host(value) else { return false }
        return names.contains(host) || host.hasSuffix(".localhost") || Self.isAddress(host)
    }

    /// The name without port, brackets and final dot.
    static func host(_ value: String) -> String? {
        var host = value.lowercased()
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst()) else { return nil }
            return String(host[host.index(after: host.startIndex)..<end])
        }
        if let colon = host.firstIndex(of: ":") {
            guard isPort(host[host.index(after: colon)...]) else { return nil }
            host = String(host[..<colon])
        }
        if host.hasSuffix(".") { host.removeLast() }
        return host.isEmpty ? nil : host
    }

    private static func isPort(_ text: Substring) -> Bool { text.utf8.allSatisfy { (0x30...0x39).contains($0) } }

    private static func isAddress(_ host: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }
}
