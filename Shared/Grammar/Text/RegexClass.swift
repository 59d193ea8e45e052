/// Classes and escapes of regular expressions. The classes of letters, digits and spaces are those of ASCII.
enum RegexClass {
    private static let digits = ScalarSet([0x30...0x39])
    private static let wordScalars = ScalarSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    private static let spaces = ScalarSet([0x09...0x0D, 0x20...0x20])

    private static func error(_ reader: ScalarReader, _ message: String) -> GrammarError {
        GrammarError(.invalid, "pattern, character \(reader.position): \(message)")
    }

    /// A class in brackets.
    static func parse(_ reader: inout ScalarReader) throws(GrammarError) -> ScalarSet {
        reader.skip()
        let isInverted = reader.take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while !reader.take("]") {
            guard let scalar = reader.current else { throw error(reader, "a class that is not closed") }
            if reader.isNext("[:") {
                throw GrammarError(
                    .unsupported, "pattern, character \(reader.position): [: in a class is not supported")
            }
            let low = try member(&reader, scalar)
            isFirst = false
            guard reader.isNext("-"), let after = reader.peek(1), after != 0x5D else {
                ranges += low.ranges
                continue
            }
            reader.skip()
            let high = try member(&reader, after)
            guard let first = single(low), let last = single(high), first <= last else {
                throw error(reader, "a range that does not go up from one character to another")
            }
            ranges.append(first...last)
        }
        guard !isFirst else { throw error(reader, "an empty class") }
        let set = ScalarSet(ranges)
        return isInverted ? set.inverted : set
    }

    private static func single(_ set: ScalarSet) -> UInt32? {
        guard set.ranges.count == 1, set.ranges[0].count == 1 else { return nil }
        return set.ranges[0].lowerBound
    }

    private static func member(_ reader: inout ScalarReader, _ scalar: UInt32) throws(GrammarError) -> ScalarSet {
        if scalar == 0x5C { return try escape(&reader, inClass: true) }
        reader.skip()
        return ScalarSet([scalar])
    }

    /// What follows a backslash, which comes next.
    static func escape(_ reader: inout ScalarReader, inClass: Bool) throws(GrammarError) -> ScalarSet {
        reader.skip()
        guard let scalar = reader.next(), let letter = Unicode.Scalar(scalar) else {
            throw error(reader, "a backslash at the end")
        }
        switch letter {
        case "d": return digits
        case "D": return digits.inverted
        case "w": return wordScalars
        case "W": return wordScalars.inverted
        case "s": return spaces
        case "S": return spaces.inverted
        case "n": return ScalarSet([0x0A])
        case "r": return ScalarSet([0x0D])
        case "t": return ScalarSet([0x09])
        case "f": return ScalarSet([0x0C])
        case "v": return ScalarSet([0x0B])
        case "b" where inClass: return ScalarSet([0x08])
        case "x": return try numbered(&reader, 2)
        case "u": return try numbered(&reader, 4)
        case "1"..."9": throw unsupported(reader, "the backreference \\\(letter)")
        case "b", "B": throw unsupported(reader, "the word boundary \\\(letter)")
        case "p", "P": throw unsupported(reader, "the Unicode property \\\(letter)")
        case "a"..."z", "A"..."Z", "0": throw unsupported(reader, "the escape \\\(letter)")
        default: return ScalarSet([scalar])
        }
    }

    private static func numbered(_ reader: inout ScalarReader, _ digits: Int) throws(GrammarError) -> ScalarSet {
        guard let value = reader.hexadecimal(digits) else {
            throw error(reader, "an escape needs \(digits) hexadecimal digits of a character")
        }
        return ScalarSet([value])
    }

    private static func unsupported(_ reader: ScalarReader, _ feature: String) -> GrammarError {
        GrammarError(.unsupported, "pattern, character \(reader.position): \(feature) is not supported")
    }
}
