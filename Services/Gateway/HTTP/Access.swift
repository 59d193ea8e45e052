import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Checks API keys. Keys are compared in a time that does not depend on where they differ.
struct Access: Sendable {
    private let keys: [[UInt8]]

    /// Accepts these keys; none means that everybody may ask.
    init(keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    /// Whether a request carries an accepted key, as `Authorization: Bearer` or `x-api-key`.
    func allows(_ headers: HTTPFields) -> Bool {
        if keys.isEmpty { return true }
        var given: [UInt8] = []
        if let value = headers[.authorization], value.lowercased().hasPrefix("bearer ") {
            given = Array(value.dropFirst(7).utf8)
        } else if let value = headers[.apiKey] {
            given = Array(value.utf8)
        }
        // Every key is looked at, whatever the outcome.
        var found = false
        for key in keys where Self.equal(key, given) { found = true }
        return found
    }

    private static func equal(_ key: [UInt8], _ given: [UInt8]) -> Bool {
        var difference: UInt8 = key.count == given.count ? 0 : 1
        for index in given.indices {
            difference |= given[index] ^ (key.isEmpty ? 1 : key[index % key.count])
        }
        return difference == 0
    }
}
