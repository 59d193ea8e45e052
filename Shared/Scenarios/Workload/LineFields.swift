/// The comma-separated fields of one line, as ranges of its bytes; no field is copied to be read.
struct LineFields {
    private let bytes: [UInt8]
    private var start: Int
    private let end: Int
    /// Where the next field begins; past the end when there is none.
    private var position: Int

    /// Takes the line at a range of some bytes, without a carriage return at its end.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        start = range.lowerBound
        position = start
        end =
            !range.isEmpty && bytes[range.upperBound - 1] == UInt8(ascii: "\r")
            ? range.upperBound - 1 : range.upperBound
    }

    /// Whether the line holds nothing but spaces.
    var isBlank: Bool { trimmed(start, end).isEmpty }
    /// The whole line, without spaces at its ends.
    var text: String { string(trimmed(start, end)) }
    /// How many fields it has.
    var count: Int { bytes[start..<end].reduce(1) { $0 + ($1 == Self.comma ? 1 : 0) } }

    /// Some editors begin files with one.
    mutating func skipByteOrderMark() {
        guard end - start >= 3, bytes[start] == 0xEF, bytes[start + 1] == 0xBB, bytes[start + 2] == 0xBF else { return }
        start += 3
        position = start
    }

    /// The next field without spaces at its ends, or `nil` after the last.
    mutating func next() -> Range<Int>? {
        guard position <= end else { return nil }
        var stop = position
        while stop < end, bytes[stop] != Self.comma { stop += 1 }
        let field = trimmed(position, stop)
        position = stop + 1
        return field
    }

    /// A field as text.
    func string(_ field: Range<Int>) -> String { String(decoding: bytes[field], as: UTF8.self) }

    /// A field for an error message.
    func shown(_ field: Range<Int>) -> String {
        field.isEmpty ? "empty" : MessageText.name(string(field.prefix(FieldCheck.longestText)))
    }

    /// A field of digits only as a number; `nil` for anything else and above 10^15.
    func whole(_ field: Range<Int>) -> Int? {
        guard !field.isEmpty, field.count <= 15 else { return nil }
        var value = 0
        for index in field {
            guard let digit = Self.digit(bytes[index]) else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// A decimal number, the nearest to what is written; `nil` for anything else, and for what is not finite.
    func number(_ field: Range<Int>) -> Double? {
        var mantissa = 0
        var digits = 0
        var fraction: Int?
        for index in field {
            if let digit = Self.digit(bytes[index]) {
                mantissa = mantissa * 10 + digit
                digits += 1
                fraction = fraction.map { $0 + 1 }
                // More digits, signs and exponents are for the standard library.
                guard digits <= 15 else { return uncommonNumber(field) }
            } else if bytes[index] == UInt8(ascii: "."), fraction == nil {
                fraction = 0
            } else {
                return uncommonNumber(field)
            }
        }
        guard digits > 0 else { return nil }
        // Both are exact, so the quotient is the nearest number to the text.
        return Double(mantissa) / Self.powers[fraction ?? 0]
    }

    /// A time such as `2023-11-16 18:15:46.6805900` in nanoseconds since 1970, with `T` for the space and `Z` or `+00:00` at
    /// the end accepted; `nil` for anything else.
    func timestamp(_ field: Range<Int>) -> Int? {
        var field = field
        if field.count > 19, bytes[field.upperBound - 1] == UInt8(ascii: "Z") {
            field = field.dropLast()
        } else if field.count > 25, bytes[field.suffix(6)].elementsEqual("+00:00".utf8) {
            field = field.dropLast(6)
        }
        guard field.count >= 19 else { return nil }
        let base = field.lowerBound
        for (offset, mark) in [(4, "-"), (7, "-"), (13, ":"), (16, ":")] as [(Int, Unicode.Scalar)]
        where bytes[base + offset] != UInt8(ascii: mark) { return nil }
        guard bytes[base + 10] == UInt8(ascii: " ") || bytes[base + 10] == UInt8(ascii: "T"),
            let year = whole(base..<base + 4), let month = whole(base + 5..<base + 7),
            let day = whole(base + 8..<base + 10), let hour = whole(base + 11..<base + 13),
            let minute = whole(base + 14..<base + 16), let second = whole(base + 17..<base + 19),
            (1970...2200).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second <= 60, let nanoseconds = nanoseconds(base + 19..<field.upperBound)
        else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + nanoseconds
    }

    /// The fraction of a second, `.` and 1 to 9 digits, or nothing.
    private func nanoseconds(_ field: Range<Int>) -> Int? {
        guard let dot = field.first else { return 0 }
        guard bytes[dot] == UInt8(ascii: "."), (2...10).contains(field.count), let digits = whole(field.dropFirst())
        else { return nil }
        return digits * Int(Self.powers[10 - field.count])
    }

    private func uncommonNumber(_ field: Range<Int>) -> Double? {
        let allowed = bytes[field].allSatisfy { byte in
            Self.digit(byte) != nil || "+-.eE".utf8.contains(byte)
        }
        guard allowed, let number = Double(string(field)), number.isFinite else { return nil }
        return number
    }

    private func trimmed(_ from: Int, _ to: Int) -> Range<Int> {
        var (from, to) = (from, to)
        while from < to, bytes[from] == Self.space { from += 1 }
        while to > from, bytes[to - 1] == Self.space { to -= 1 }
        return from..<to
    }

    /// Days from 1970-01-01 to a date of the Gregorian calendar; years are counted from March, so that leap days come last.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month > 2 ? year : year - 1
        let marchMonth = (month + 9) % 12
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        return 365 * marchYear + leapDays + (153 * marchMonth + 2) / 5 + day - 1 - 719_468
    }

    private static func digit(_ byte: UInt8) -> Int? {
        let digit = byte &- UInt8(ascii: "0")
        return digit <= 9 ? Int(digit) : nil
    }

    private static let comma = UInt8(ascii: ",")
    private static let space = UInt8(ascii: " ")
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]
}
