/// Which pages of browsers may use the gateway: its own, and those of origins that are configured. Others than browsers send no
/// `Origin` and are not concerned.
struct BrowserPolicy: Sendable {
    /// The names of this server.
    let hosts: HostNames
    /// Origins whose pages may read answers, as `https://chat.example`; `*` stands for all.
    let origins: Set<String>
    /// Whether requests need a key. A page that has none can do nothing then; without keys, being on the machine would be enough.
    let needsKeys: Bool

    /// What is done for a page.
    enum Permission: Sendable, Hashable {
        /// No page asks, or one of this server's own, or one that is stopped by its browser.
        case plain
        /// The page may read the answer; the value of `access-control-allow-origin`.
        case shared(String)
    }

    /// Judges the `Host` and `Origin` of a request.
    ///
    /// - Throws: 403 for names that are not this server's, and for pages that may not use it.
    func judge(host: String?, origin: String?) throws(APIError) -> Permission {
        if let host, !hosts.contain(host) {
            throw APIError.forbidden(
                "this server is not called \(host.prefix(128)); its names are set with gateway.hosts",
                "host_not_allowed")
        }
        guard let origin else { return .plain }
        if origins.contains("*") { return .shared("*") }
        if origins.contains(origin.lowercased()) { return .shared(origin) }
        if needsKeys || isSame(origin, host) { return .plain }
        throw APIError.forbidden(
            "pages of \(origin.prefix(128)) may not use this server; they are allowed with gateway.cors_origins",
            "origin_not_allowed")
    }

    /// Whether a page comes from the very host and port that it asks. Schemes are not compared: a proxy may speak TLS for this server.
    private func isSame(_ origin: String, _ host: String?) -> Bool {
        guard let host, let range = origin.firstRange(of: "://") else { return false }
        let port = origin.lowercased().hasPrefix("https:") ? ":443" : ":80"
        func plain(_ text: some StringProtocol) -> String {
            let text = text.lowercased()
            return text.hasSuffix(port) ? String(text.dropLast(port.count)) : text
        }
        return plain(origin[range.upperBound...]) == plain(host)
    }

    /// Reads origins with commas between.
    static func read(_ text: String) throws(OriginError) -> Set<String> {
        var result: Set<String> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let origin = part.lowercased()
            let rest = origin.firstRange(of: "://").map { origin[$0.upperBound...] }
            guard origin == "*" || origin == "null" || rest.map({ !$0.isEmpty && !$0.contains("/") }) == true else {
                throw OriginError(text: String(part))
            }
            result.insert(origin)
        }
        return result
    }
}

/// A text that is no origin of pages.
struct OriginError: Error {
    var text: String
}
