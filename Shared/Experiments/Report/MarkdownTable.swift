/// A table of a Markdown document.
enum MarkdownTable {
    /// The lines of a table; the first row is its head.
    static func lines(_ rows: [[String]]) -> [String] {
        guard let head = rows.first else { return [] }
        let rule = "|" + String(repeating: "---|", count: head.count)
        var lines = rows.map { "| " + $0.map(cell).joined(separator: " | ") + " |" }
        lines.insert(rule, at: 1)
        return lines
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "/").replacing("\n", with: " ") }
}
