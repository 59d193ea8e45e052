import HTTPTypes
import Synchronization

/// Checks API keys and how often they are used. Keys are compared in a time that does not depend on where they differ.
final class Access: Sendable {
    /// What becomes of a request.
    enum Verdict: Sendable, Hashable {
        /// It may go on; the name of its key, where keys are needed.
        case allowed(String?)
        /// It has no key or a wrong one.
        case unauthorized
        /// Its key is used too often.
        case limited(String, seconds: Double)
    }

    private let keys: [(name: String, bytes: [UInt8])]
    private let limits: Mutex<[Int: RateLimit]>

    /// Accepts these keys; none means that everybody may ask.
    init(keys: [APIKey]) {
        self.keys = keys.map { ($0.name, Array($0.key.utf8)) }
        var limits: [Int: RateLimit] = [:]
        for (index, key) in keys.enumerated() {
            if let limit = key.perMinute { limits[index] = RateLimit(perMinute: limit) }
        }
        self.limits = Mutex(limits)
    }

    /// Judges a request by its `Authorization: Bearer` or `x-api-key`; `now` is in seconds of a clock that never goes back.
    func judge(_ headers: HTTPFields, at now: Double) -> Verdict {
        if keys.isEmpty { return .allowed(nil) }
        var given: [UInt8] = []
        if let value = headers[.authorization], value.lowercased().hasPrefix("bearer ") {
            given = Array(value.dropFirst(7).utf8)
        } else if let value = headers[.apiKey] {
            given = Array(value.utf8)
        }
        // Every key is looked at, whatever the outcome.
        var found: Int?
        for (index, key) in keys.enumerated() where Self.equal(key.bytes, given) { found = index }
        guard let found else { return .unauthorized }
        let name = keys[found].name
        let seconds = limits.withLock { $0[found]?.take(at: now) }
        return seconds.map { .limited(name, seconds: $0) } ?? .allowed(name)
    }

    private static func equal(_ key: [UInt8], _ given: [UInt8]) -> Bool {
        var difference: UInt8 = key.count == given.count ? 0 : 1
        for index in given.indices {
            difference |= given[index] ^ (key.isEmpty ? 1 : key[index % key.count])
        }
        return difference == 0
    }
}
