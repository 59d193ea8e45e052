/// A set of Unicode scalars, as ranges that are sorted and do not touch.
struct ScalarSet: Sendable, Hashable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let last: UInt32 = 0x10_FFFF
    private static let surrogates: ClosedRange<UInt32> = 0xD800...0xDFFF

    static let all = ScalarSet([0...last])

    init(_ list: [ClosedRange<UInt32>]) {
        ranges = []
        if list.count < 2 {
            ranges = list
            return
        }
        for range in list.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let open = ranges.last, range.lowerBound <= open.upperBound &+ 1 {
                ranges[ranges.count - 1] = open.lowerBound...max(open.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    init(_ scalars: [UInt32]) { self.init(scalars.map { $0...$0 }) }

    var isEmpty: Bool { ranges.isEmpty }

    /// Whether there is no scalar in the set, surrogates left out.
    var hasNoScalars: Bool {
        ranges.allSatisfy { Self.surrogates.contains($0.lowerBound) && Self.surrogates.contains($0.upperBound) }
    }

    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.ranges) }

    var inverted: ScalarSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.last { result.append(next...Self.last) }
        return ScalarSet(result)
    }

    func subtracting(_ other: ScalarSet) -> ScalarSet { inverted.union(other).inverted }

    func contains(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } }

    /// The set as sequences of byte ranges, one to four long: a text is in the set when its bytes fit one of them.
    var byteSequences: [[ClosedRange<UInt8>]] {
        var result: [[ClosedRange<UInt8>]] = []
        for range in ranges {
            for part in Self.withoutSurrogates(range) {
                for (low, high) in [(UInt32(0), UInt32(0x7F)), (0x80, 0x7FF), (0x800, 0xFFFF), (0x1_0000, Self.last)] {
                    let first = max(part.lowerBound, low)
                    let last = min(part.upperBound, high)
                    if first <= last { Self.split(first, last, into: &result) }
                }
            }
        }
        return result
    }

    private static func withoutSurrogates(_ range: ClosedRange<UInt32>) -> [ClosedRange<UInt32>] {
        guard range.overlaps(surrogates) else { return [range] }
        var parts: [ClosedRange<UInt32>] = []
        if range.lowerBound < surrogates.lowerBound { parts.append(range.lowerBound...surrogates.lowerBound - 1) }
        if range.upperBound > surrogates.upperBound { parts.append(surrogates.upperBound + 1...range.upperBound) }
        return parts
    }

    /// Splits a range of scalars with encodings of one length where a continuation byte would not cover its whole range.
    private static func split(_ first: UInt32, _ last: UInt32, into result: inout [[ClosedRange<UInt8>]]) {
        for bits in [UInt32(6), 12, 18] where first > 0x7F {
            let mask = (UInt32(1) << bits) - 1
            if first & ~mask == last & ~mask { break }
            if first & mask != 0 {
                split(first, first | mask, into: &result)
                split((first | mask) + 1, last, into: &result)
                return
            }
            if last & mask != mask {
                split(first, (last & ~mask) - 1, into: &result)
                split(last & ~mask, last, into: &result)
                return
            }
        }
        result.append(zip(encode(first), encode(last)).map { $0...$1 })
    }

    static func encode(_ scalar: UInt32) -> [UInt8] {
        func continuation(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (scalar >> shift) & 0x3F) }
        return switch scalar {
        case ...0x7F: [UInt8(scalar)]
        case ...0x7FF: [UInt8(0xC0 | scalar >> 6), continuation(0)]
        case ...0xFFFF: [UInt8(0xE0 | scalar >> 12), continuation(6), continuation(0)]
        default: [UInt8(0xF0 | scalar >> 18), continuation(12), continuation(6), continuation(0)]
        }
    }
}
