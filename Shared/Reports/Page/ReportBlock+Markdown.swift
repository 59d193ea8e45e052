extension ReportBlock {
    /// The pieces of a document with headings (`##`), points (`*`), tables and paragraphs; other marks stay as they are.
    /// A heading of the first level is left out: it is the page's title.
    public static func blocks(markdown: String) -> [ReportBlock] {
        var blocks: [ReportBlock] = []
        var points: [String] = []
        var rows: [[String]] = []
        func flush() {
            if !points.isEmpty { blocks.append(.list(points)) }
            if !rows.isEmpty { blocks.append(.table(rows)) }
            (points, rows) = ([], [])
        }
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("|") {
                let isRule = line.allSatisfy { "|-: ".contains($0) }
                let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                if !isRule {
                    rows.append(
                        cells.map { $0.trimmingPrefix(" ") }.map { String($0.hasSuffix(" ") ? $0.dropLast() : $0) })
                }
                continue
            }
            if line.hasPrefix("* ") {
                points.append(String(line.dropFirst(2)))
                continue
            }
            flush()
            if line.hasPrefix("## ") {
                blocks.append(.heading(String(line.dropFirst(3))))
            } else if !line.isEmpty, !line.hasPrefix("# ") {
                blocks.append(.text(String(line)))
            }
        }
        flush()
        return blocks
    }
}
