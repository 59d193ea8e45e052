/// A text as code points with their classes, and as well-formed bytes.
///
/// Bytes that are not UTF-8 become U+FFFD one by one, as llama.cpp has it; surrogates and overlong forms are taken as
/// the numbers they encode, unless the text is scanned strictly.
struct ScannedText {
    /// The text, with replacements.
    private(set) var bytes: [UInt8] = []
    /// Its code points.
    private(set) var scalars: [UInt32] = []
    /// `ScalarClass` of each code point.
    private(set) var classes: [UInt8] = []
    /// Where each code point starts in `bytes`, and the end.
    private(set) var offsets: [Int] = []
    private let isStrict: Bool

    /// - Parameter isStrict: whether surrogates and overlong forms are not UTF-8, as SentencePiece has it.
    init(_ source: some Collection<UInt8>, isStrict: Bool = false) {
        self.isStrict = isStrict
        bytes.reserveCapacity(source.count)
        scalars.reserveCapacity(source.count)
        classes.reserveCapacity(source.count)
        offsets.reserveCapacity(source.count + 1)
        if source.withContiguousStorageIfAvailable({ unsafe scan($0) }) == nil {
            unsafe Array(source).withUnsafeBufferPointer { unsafe scan($0) }
        }
        offsets.append(bytes.count)
    }

    var count: Int { scalars.count }

    private mutating func scan(_ source: UnsafeBufferPointer<UInt8>) {
        var index = 0
        while index < source.count {
            var (value, length) = unsafe Self.decode(source, index)
            if isStrict, !Self.isShortest(value, length) { (value, length) = (0xFFFD, 1) }
            index += length
            offsets.append(bytes.count)
            scalars.append(value)
            classes.append(ScalarClass.of(value))
            append(value)
        }
    }

    private static func decode(_ source: UnsafeBufferPointer<UInt8>, _ index: Int) -> (UInt32, Int) {
        let lead = unsafe source[index]
        if lead < 0x80 { return (UInt32(lead), 1) }
        let length: Int
        var value: UInt32
        switch lead {
        case 0xC0...0xDF: (length, value) = (2, UInt32(lead & 0x1F))
        case 0xE0...0xEF: (length, value) = (3, UInt32(lead & 0x0F))
        case 0xF0...0xF7: (length, value) = (4, UInt32(lead & 0x07))
        default: return (0xFFFD, 1)
        }
        guard source.count - index >= length else { return (0xFFFD, 1) }
        for offset in 1..<length {
            let byte = unsafe source[index + offset]
            guard byte & 0xC0 == 0x80 else { return (0xFFFD, 1) }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        return value <= 0x10FFFF ? (value, length) : (0xFFFD, 1)
    }

    /// Whether a code point, not a surrogate, needs as many bytes as it has; U+FFFD may stand for one wrong byte.
    private static func isShortest(_ value: UInt32, _ length: Int) -> Bool {
        switch length {
        case 1: value < 0x80 || value == 0xFFFD
        case 2: value >= 0x80
        case 3: value >= 0x800 && !(0xD800...0xDFFF).contains(value)
        default: value >= 0x10000
        }
    }

    private mutating func append(_ value: UInt32) {
        switch value {
        case 0..<0x80:
            bytes.append(UInt8(value))
        case 0x80..<0x800:
            bytes.append(UInt8(0xC0 | value >> 6))
            bytes.append(UInt8(0x80 | value & 0x3F))
        case 0x800..<0x10000:
            bytes.append(UInt8(0xE0 | value >> 12))
            bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | value & 0x3F))
        default:
            bytes.append(UInt8(0xF0 | value >> 18))
            bytes.append(UInt8(0x80 | value >> 12 & 0x3F))
            bytes.append(UInt8(0x80 | value >> 6 & 0x3F))
            bytes.append(UInt8(0x80 | value & 0x3F))
        }
    }
}
