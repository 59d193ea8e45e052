import ServiceRuntime

/// A key with which clients may ask.
struct APIKey: Sendable, Hashable {
    /// What metrics call its holder.
    var name: String
    /// The key itself; it never leaves the process.
    var key: String
    /// Most requests a minute; `nil` for any number.
    var perMinute: Int?

    private static let mostKeys = 10_000

    /// Reads keys, one a line or between commas: `KEY`, `NAME KEY` or `NAME KEY N/min`. Lines that begin with `#` say nothing.
    ///
    /// - Throws: `badSetting`, naming the entry by its number and never by its text.
    static func read(_ text: String, setting: String) throws(RuntimeError) -> [APIKey] {
        var keys: [APIKey] = []
        var names: Set<String> = []
        for line in text.split(whereSeparator: \.isNewline) where line.first(where: { !$0.isWhitespace }) != "#" {
            for entry in line.split(separator: ",") {
                let words = entry.split(whereSeparator: \.isWhitespace).map(String.init)
                if words.isEmpty { continue }
                let key = try read(words, number: keys.count + 1, setting: setting)
                guard names.insert(key.name).inserted else {
                    throw RuntimeError(.badSetting, "\(setting): the name \(key.name) is there twice")
                }
                keys.append(key)
                guard keys.count <= mostKeys else {
                    throw RuntimeError(.badSetting, "\(setting): there are more than \(mostKeys) keys")
                }
            }
        }
        return keys
    }

    private static func read(_ words: [String], number: Int, setting: String) throws(RuntimeError) -> APIKey {
        func refuse(_ what: String) -> RuntimeError {
            RuntimeError(.badSetting, "\(setting): entry \(number): \(what)")
        }
        if words.count == 1 { return APIKey(name: "key-\(number)", key: words[0]) }
        guard words.count <= 3 else { throw refuse("it is a key, a name and a key, or a name, a key and a limit") }
        let isName = (1...64).contains(words[0].utf8.count) && words[0].utf8.allSatisfy(Self.isNameByte)
        guard isName else { throw refuse("a name has 1 to 64 letters, digits, dots, dashes and underscores") }
        guard words.count == 3 else { return APIKey(name: words[0], key: words[1]) }
        guard words[2].hasSuffix("/min"), let limit = Int(words[2].dropLast(4)), (1...1_000_000).contains(limit) else {
            throw refuse("the limit of \(words[0]) must be like 60/min, from 1/min to 1000000/min")
        }
        return APIKey(name: words[0], key: words[1], perMinute: limit)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }
}
