/// What is in every token's way between two processes: it is written and read without `Codable`, whose keyed containers take
/// longer than everything else that happens to such a message.
///
/// The bytes are those that `JSONEncoder` gives. Reading knows plain text only and gives up on whatever is unusual (escapes, unknown or
/// missing keys, `null`, fractions): then the message is decoded as all others are, which also says what is wrong.
protocol DirectlyCoded: Codable {
    /// Writes the value, keys in order of their bytes.
    func write(to writer: inout DirectWriter)
    /// Reads a value that begins here.
    init(from reader: inout DirectReader) throws(Unusual)
}

/// Something that only the general decoder knows.
struct Unusual: Error {}

extension DirectlyCoded {
    /// The JSON of the value.
    var directBytes: [UInt8] {
        var writer = DirectWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads a text that is one plain value.
    static func direct(_ bytes: [UInt8]) -> Self? {
        var reader = DirectReader(bytes)
        guard let value = try? Self(from: &reader), reader.isAtEnd else { return nil }
        return value
    }
}
