/// Reads a header from front to back; every read is checked against the end of the file.
struct GGUFCursor {
    let map: FileMap
    private(set) var offset = 0

    init(_ map: FileMap) { self.map = map }

    var remaining: Int { map.count - offset }

    /// Reads a number; `subject` names it in errors.
    mutating func read<Number: FixedWidthInteger>(
        _: Number.Type, _ subject: @autoclosure () -> String
    ) throws -> Number {
        let size = MemoryLayout<Number>.size
        guard remaining >= size else { throw truncated(subject()) }
        defer { offset += size }
        return map.load(Number.self, at: offset)
    }

    /// Reads a length or count of things that are at least `unit` bytes long each.
    mutating func readCount(unit: Int, _ subject: @autoclosure () -> String) throws -> Int {
        let value = try read(UInt64.self, subject())
        guard value <= UInt64(remaining / unit) else {
            throw InferenceError(.invalidFile, "\(subject()): a count of \(value) goes beyond the end of the file")
        }
        return Int(value)
    }

    /// Reads the bytes of a string.
    mutating func readBytes(_ subject: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
        let length = try readCount(unit: 1, "length of \(subject())")
        defer { offset += length }
        return unsafe map.bytes(offset..<offset + length)
    }

    /// Reads a name: not empty, of limited length, valid UTF-8.
    mutating func readName(maxBytes: Int, _ subject: @autoclosure () -> String) throws -> String {
        let bytes = unsafe try readBytes(subject())
        guard unsafe !bytes.isEmpty else { throw InferenceError(.invalidFile, "\(subject()) is empty") }
        guard bytes.count <= maxBytes else {
            throw InferenceError(
                .invalidFile, "\(subject()) is \(bytes.count) bytes long (at most \(maxBytes) are allowed)")
        }
        guard let name = unsafe String(validating: bytes, as: UTF8.self) else {
            throw InferenceError(.invalidFile, "\(subject()) is not valid UTF-8")
        }
        return name
    }

    /// Steps over `count` bytes that the caller knows to exist.
    mutating func skip(_ count: Int, _ subject: @autoclosure () -> String) throws {
        guard count >= 0, count <= remaining else { throw truncated(subject()) }
        offset += count
    }

    private func truncated(_ subject: String) -> InferenceError {
        InferenceError(.invalidFile, "the file ends at byte \(map.count), inside \(subject)")
    }
}
