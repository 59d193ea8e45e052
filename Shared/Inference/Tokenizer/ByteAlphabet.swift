/// The printable code points that byte-level vocabularies write bytes with (GPT-2's table).
enum ByteAlphabet {
    /// The code point of every byte.
    static let codePoints: [UInt16] = {
        var next: UInt16 = 256
        return (UInt16(0)...255).map { byte in
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) { return byte }
            defer { next += 1 }
            return next
        }
    }()

    /// The byte of every code point below 324; -1 for those that stand for none.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        for (byte, codePoint) in codePoints.enumerated() { table[Int(codePoint)] = Int16(byte) }
        return table
    }()

    /// Appends the bytes that a token's text stands for; `false` where it has a code point outside the alphabet, and
    /// then what was appended is to be dropped.
    static func decode(_ text: UnsafeRawBufferPointer, into result: inout [UInt8]) -> Bool {
        var index = 0
        while index < text.count {
            let lead = unsafe text[index]
            var codePoint = Int(lead)
            index += 1
            if lead >= 0x80 {
                // All of the alphabet lies below U+0800: two bytes at most.
                guard lead & 0xE0 == 0xC0, index < text.count, unsafe text[index] & 0xC0 == 0x80 else { return false }
                codePoint = unsafe Int(lead & 0x1F) << 6 | Int(text[index] & 0x3F)
                index += 1
            }
            guard codePoint < bytes.count, bytes[codePoint] >= 0 else { return false }
            result.append(UInt8(bytes[codePoint]))
        }
        return true
    }
}
