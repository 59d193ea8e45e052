/// How SentencePiece writes text in its tokens.
enum SentencePieceText {
    /// U+2581, which stands for a space.
    private static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// A text as tokens have it.
    static func encode(_ text: UnsafeBufferPointer<UInt8>, addsSpacePrefix: Bool) -> [UInt8] {
        var result: [UInt8] = addsSpacePrefix ? space : []
        result.reserveCapacity(text.count + 16)
        for index in text.indices {
            let byte = unsafe text[index]
            if byte == 0x20 { result += space } else { result.append(byte) }
        }
        return result
    }

    /// Appends the bytes that a token stands for.
    ///
    /// - Parameter isByte: whether it is a byte token; one without a byte's name stands for its text.
    static func decode(_ text: UnsafeRawBufferPointer, isByte: Bool, into result: inout [UInt8]) {
        if isByte, let value = unsafe byte(text) { return result.append(value) }
        var start = 0
        var index = 0
        while index + space.count <= text.count {
            guard unsafe text[index] == 0xE2, unsafe text[index + 1] == 0x96, unsafe text[index + 2] == 0x81 else {
                index += 1
                continue
            }
            unsafe result.append(contentsOf: text[start..<index])
            result.append(0x20)
            index += space.count
            start = index
        }
        unsafe result.append(contentsOf: text[start...])
    }

    /// The byte that `<0x0A>` and the like name.
    static func byte(_ text: UnsafeRawBufferPointer) -> UInt8? {
        guard text.count == 6, unsafe text[0] == UInt8(ascii: "<"), unsafe text[1] == UInt8(ascii: "0"),
            unsafe text[2] == UInt8(ascii: "x"),
            let high = unsafe digit(text[3]), let low = unsafe digit(text[4]), unsafe text[5] == UInt8(ascii: ">")
        else { return nil }
        return high << 4 | low
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
