/// Writes values as Python's `json.dumps` does, which templates show tools with.
struct JSONText {
    /// Spaces per level; `nil` for one line.
    var indent: Int?
    /// Between items; by default with a space, except before a new line.
    var itemSeparator: String?
    /// Between a key and its value.
    var keySeparator = ": "
    var sortsKeys = false
    /// Whether code points beyond ASCII are escaped.
    var escapesUnicode = false

    /// - Parameter charge: counts what is written.
    func write(_ value: Value, level: Int = 0, _ charge: (Int) throws -> Void) throws -> String {
        try charge(1)
        switch value {
        case .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value): return String(value)
        case .double(let value): return Self.number(value)
        case .text(let text):
            try charge(text.count)
            return quoted(text.string)
        case .list(let list):
            return try bracketed(
                "[", "]", try list.items.map { try write($0, level: level + 1, charge) }, level, charge)
        case .map(let map):
            var items = map.items
            if sortsKeys { items.sort { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) } }
            let members = try items.map { key, value in
                quoted(key) + keySeparator + (try write(value, level: level + 1, charge))
            }
            return try bracketed("{", "}", members, level, charge)
        case .undefined, .namespace, .macro, .caller, .function:
            throw InferenceError(.template, "\(value.kind) cannot be written as JSON")
        }
    }

    private func bracketed(
        _ open: String, _ close: String, _ items: [String], _ level: Int, _ charge: (Int) throws -> Void
    ) throws -> String {
        try charge(items.reduce(0) { $0 + $1.utf8.count })
        guard let indent, !items.isEmpty else { return open + items.joined(separator: itemSeparator ?? ", ") + close }
        let inner = "\n" + String(repeating: " ", count: indent * (level + 1))
        let outer = "\n" + String(repeating: " ", count: indent * level)
        return open + inner + items.joined(separator: (itemSeparator ?? ",") + inner) + outer + close
    }

    /// Python's `repr` of a float.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return "\(value)"
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case _ where scalar.value > 0x7E && escapesUnicode && scalar.value != 0x7F:
                for unit in UTF16.encode(scalar).map(Array.init) ?? [] {
                    result += "\\u" + PythonText.hexadecimal(UInt32(unit), 4)
                }
            case _ where scalar.value < 0x20: result += "\\u" + PythonText.hexadecimal(scalar.value, 4)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
