import Foundation

/// Where a gateway serves HTTP, as people write it: with or without `http://`, a final slash or the `/v1` that OpenAI's
/// libraries want.
struct GatewayAddress: Sendable, Hashable {
    /// The address in front of `/v1/...` and `/health`, without a final slash.
    let base: String

    /// Reads what was given to an option.
    ///
    /// - Throws: a `Failure` for wrong usage that says what is wrong.
    init(_ text: String) throws {
        let full = text.contains("://") ? text : "http://\(text)"
        guard let parts = URLComponents(string: full), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty
        else { throw Failure(.usage, "\(text) is no HTTP address; one looks like http://127.0.0.1:8080") }
        guard scheme == "http" else {
            throw Failure(
                .usage,
                "\(text): \(scheme) is not spoken here; give the http:// address of the gateway, or of a tunnel to it")
        }
        let isPlain = parts.user == nil && parts.query == nil && parts.fragment == nil
        guard isPlain, (1...65535).contains(parts.port ?? 80)
        else {
            throw Failure(.usage, "\(text): an address consists of host, port and path")
        }
        var path = parts.path
        while path.hasSuffix("/") { path.removeLast() }
        if path.hasSuffix("/v1") { path.removeLast("/v1".count) }
        while path.hasSuffix("/") { path.removeLast() }
        base = "http://\(HostText.bracketed(host)):\(parts.port ?? 80)\(path)"
    }
}

/// Hosts in addresses.
enum HostText {
    /// With brackets around an IPv6 address.
    static func bracketed(_ host: String) -> String {
        host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    }

    /// Without brackets.
    static func plain(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}
