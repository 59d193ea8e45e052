/// How values of a file appear in error messages. They may come from a stranger, and messages end up on terminals.
enum MessageText {
    /// Longest name that is shown in full, in characters.
    private static let longestName = 60
    /// Names that a list shows before it only counts the rest.
    private static let listed = 20

    /// A name, shortened, with every control character replaced.
    static func name(_ text: String) -> String { shortened(text, longestName) }

    /// The first `length` characters of a text, with every control character replaced.
    static func shortened(_ text: String, _ length: Int) -> String {
        var shown = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            guard count <= length else { return String(shown) + "..." }
            shown.append(isControl(scalar) ? "?" : scalar)
        }
        return String(shown)
    }

    /// Names with commas, the first of them only where there are many.
    static func list(_ names: [String]) -> String {
        let shown = names.prefix(listed).map(name).joined(separator: ", ")
        return names.count > listed ? "\(shown) and \(names.count - listed) more" : shown
    }

    /// Whether a character would move a terminal's cursor, or reverse the text around it.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }
}
