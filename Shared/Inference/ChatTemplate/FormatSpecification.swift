/// What stands behind the colon of a field of `str.format`: `*^+#08,.3f`.
struct FormatSpecification {
    private(set) var fill: Text?
    private(set) var alignment: Unicode.Scalar?
    private(set) var sign: Unicode.Scalar?
    private(set) var marksBase = false
    private(set) var width = 0
    private(set) var separator: Unicode.Scalar?
    private(set) var precision: Int?
    private(set) var type: Unicode.Scalar?

    /// Reads it.
    init(_ text: Text) throws {
        var index = 0
        func current(_ ahead: Int = 0) -> Unicode.Scalar? {
            index + ahead < text.count ? text.scalars[index + ahead] : nil
        }
        func number() throws -> Int? {
            var result: Int?
            while let digit = current(), ("0"..."9").contains(digit) {
                result = (result ?? 0) * 10 + Int(digit.value - 48)
                guard result ?? 0 <= PrintfField.widest else {
                    throw InferenceError(.template, "a width of a format is too large")
                }
                index += 1
            }
            return result
        }
        let sides: Set<Unicode.Scalar> = ["<", ">", "=", "^"]
        if let side = current(1), sides.contains(side) {
            fill = Text(text, 0..<1)
            alignment = side
            index = 2
        } else if let side = current(), sides.contains(side) {
            alignment = side
            index = 1
        }
        if let mark = current(), ["+", "-", " "].contains(mark) {
            sign = mark
            index += 1
        }
        if current() == "#" {
            marksBase = true
            index += 1
        }
        if current() == "0" {
            if alignment == nil {
                fill = Text("0", isTemplate: true)
                alignment = "="
            }
            index += 1
        }
        width = try number() ?? 0
        if let mark = current(), mark == "," || mark == "_" {
            separator = mark
            index += 1
        }
        if current() == "." {
            index += 1
            precision = try number()
            guard precision != nil else { throw InferenceError(.template, "a format lacks its precision") }
        }
        type = current()
        guard index + 1 >= text.count else {
            throw InferenceError(.unsupported, "the format \"\(text.string)\" is not supported")
        }
    }
}
