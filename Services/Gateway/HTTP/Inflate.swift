/// Unpacks gzip (RFC 1952), with a bound on what comes out.
struct Inflate {
    /// Why bytes cannot be unpacked.
    enum Failure: Error, Sendable, Hashable {
        /// They are no gzip file, or a damaged one.
        case damaged
        /// More would come out than is allowed.
        case tooLarge
    }

    private let bytes: [UInt8]
    private let limit: Int
    private var position = 0
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []

    private init(_ bytes: [UInt8], limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    /// The content of one or more gzip members that follow each other, at most `limit` bytes.
    static func gunzip(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var inflate = Inflate(bytes, limit: limit)
        repeat { try inflate.member() } while inflate.position < bytes.count
        return inflate.output
    }

    private mutating func member() throws(Failure) {
        let start = output.count
        let header = [try byte(), try byte(), try byte()]
        guard header == [0x1f, 0x8b, 8] else { throw .damaged }
        let flags = try byte()
        guard flags & 0xe0 == 0 else { throw .damaged }
        for _ in 0..<6 { _ = try byte() }
        if flags & 4 != 0 {
            let length = Int(try byte()) | Int(try byte()) << 8
            guard bytes.count - position >= length else { throw .damaged }
            position += length
        }
        // A name and a remark, each ended by a zero.
        for flag: UInt8 in [8, 16] where flags & flag != 0 {
            while try byte() != 0 {}
        }
        if flags & 2 != 0 { for _ in 0..<2 { _ = try byte() } }
        while try !block() {}
        (bits, bitCount) = (0, 0)
        let checksum = try word()
        let size = try word()
        guard size == UInt32(truncatingIfNeeded: output.count - start), checksum == Self.checksum(output[start...])
        else { throw .damaged }
    }

    /// One block; `true` where it was the last one.
    private mutating func block() throws(Failure) -> Bool {
        let isLast = try take(1) == 1
        switch try take(2) {
        case 0: try stored()
        case 1: try compressed(HuffmanCode.fixedLiterals, HuffmanCode.fixedDistances)
        case 2:
            let (literals, distances) = try codes()
            try compressed(literals, distances)
        default: throw .damaged
        }
        return isLast
    }

    private mutating func stored() throws(Failure) {
        (bits, bitCount) = (0, 0)
        let length = Int(try byte()) | Int(try byte()) << 8
        let inverse = Int(try byte()) | Int(try byte()) << 8
        guard length ^ inverse == 0xffff, bytes.count - position >= length else { throw .damaged }
        guard output.count + length <= limit else { throw .tooLarge }
        output.append(contentsOf: bytes[position..<position + length])
        position += length
    }

    /// The two codes that a block brings.
    private mutating func codes() throws(Failure) -> (HuffmanCode, HuffmanCode) {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let lengthCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw .damaged }
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var lengths = [Int](repeating: 0, count: 19)
        for index in 0..<lengthCount { lengths[order[index]] = try take(3) }
        let code = try HuffmanCode(lengths)
        var all: [Int] = []
        let count = literalCount + distanceCount
        while all.count < count {
            let symbol = try decode(code)
            let (value, times): (Int, Int)
            switch symbol {
            case 0..<16: (value, times) = (symbol, 1)
            case 16:
                guard let last = all.last else { throw .damaged }
                (value, times) = (last, try take(2) + 3)
            case 17: (value, times) = (0, try take(3) + 3)
            default: (value, times) = (0, try take(7) + 11)
            }
            guard all.count + times <= count else { throw .damaged }
            all.append(contentsOf: repeatElement(value, count: times))
        }
        return (try HuffmanCode(Array(all[..<literalCount])), try HuffmanCode(Array(all[literalCount...])))
    }

    private mutating func compressed(_ literals: HuffmanCode, _ distances: HuffmanCode) throws(Failure) {
        while true {
            let symbol = try decode(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                guard output.count < limit else { throw .tooLarge }
                output.append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengths.count else { throw .damaged }
            let (lengthBase, lengthBits) = Self.lengths[symbol - 257]
            let length = lengthBase + (try take(lengthBits))
            let distanceSymbol = try decode(distances)
            guard distanceSymbol < Self.distances.count else { throw .damaged }
            let (distanceBase, distanceBits) = Self.distances[distanceSymbol]
            let distance = distanceBase + (try take(distanceBits))
            guard distance <= output.count else { throw .damaged }
            guard output.count + length <= limit else { throw .tooLarge }
            // Source and copy may overlap.
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    private mutating func decode(_ code: HuffmanCode) throws(Failure) -> Int {
        var (value, first, index) = (0, 0, 0)
        for length in 1...HuffmanCode.longest {
            value |= try take(1)
            let count = code.counts[length]
            if value - first < count { return code.symbols[index + value - first] }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw .damaged
    }

    private mutating func take(_ count: Int) throws(Failure) -> Int {
        while bitCount < count {
            bits |= UInt32(try byte()) << UInt32(bitCount)
            bitCount += 8
        }
        let value = Int(bits & ((1 << UInt32(count)) - 1))
        bits >>= UInt32(count)
        bitCount -= count
        return value
    }

    private mutating func byte() throws(Failure) -> UInt8 {
        guard position < bytes.count else { throw .damaged }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func word() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for shift: UInt32 in [0, 8, 16, 24] { value |= UInt32(try byte()) << shift }
        return value
    }

    /// Base and extra bits of the lengths of symbols from 257 on.
    private static let lengths: [(Int, Int)] =
        (3...10).map { ($0, 0) }
        + [
            (11, 1), (13, 1), (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3),
            (67, 4), (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0),
        ]
    private static let distances: [(Int, Int)] =
        (0..<30).map { symbol in
            let extra = max(0, symbol / 2 - 1)
            return symbol < 4 ? (symbol + 1, 0) : (((2 + symbol % 2) << extra) + 1, extra)
        }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
    }
}

/// A canonical prefix code: how many symbols have which length, and the symbols in the order of their codes.
struct HuffmanCode {
    static let longest = 15
    let counts: [Int]
    let symbols: [Int]

    /// Makes the code of symbols with these lengths in bits; 0 leaves a symbol out.
    init(_ lengths: [Int]) throws(Inflate.Failure) {
        var counts = [Int](repeating: 0, count: Self.longest + 1)
        for length in lengths { counts[length] += 1 }
        counts[0] = 0
        // More codes than there can be would make others unreachable.
        var left = 1
        for length in 1...Self.longest {
            left = left << 1 - counts[length]
            guard left >= 0 else { throw .damaged }
        }
        self.counts = counts
        symbols = (1...Self.longest).flatMap { length in lengths.indices.filter { lengths[$0] == length } }
    }

    private init(fixed lengths: [Int]) {
        counts = (0...Self.longest).map { length in length == 0 ? 0 : lengths.count { $0 == length } }
        symbols = (1...Self.longest).flatMap { length in lengths.indices.filter { lengths[$0] == length } }
    }

    static let fixedLiterals = HuffmanCode(
        fixed: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
    static let fixedDistances = HuffmanCode(fixed: (0..<30).map { _ in 5 })
}
