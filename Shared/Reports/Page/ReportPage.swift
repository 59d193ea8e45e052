internal import Drawing

/// A report in pieces, as one page that needs nothing else (no scripts, no fonts, no files), or as a Markdown document.
public struct ReportPage: Sendable, Hashable {
    /// Its title.
    public var title: String
    /// Its pieces in order.
    public var blocks: [ReportBlock]

    /// Makes a report.
    public init(title: String, blocks: [ReportBlock]) {
        self.title = title
        self.blocks = blocks
    }

    /// Its pictures.
    public var figures: [ReportFigure] {
        blocks.compactMap { if case .figure(let figure) = $0 { figure } else { nil } }
    }

    /// The page; well-formed XML as well.
    public var html: String {
        Self.page(title: title) { body in
            for block in blocks {
                switch block {
                case .heading(let text): body.element("h2", [:]) { $0.write(text) }
                case .text(let text): body.element("p", [:]) { $0.write(text) }
                case .list(let items):
                    body.element("ul", [:]) { list in
                        for item in items { list.element("li", [:]) { $0.write(item) } }
                    }
                case .table(let rows): if let head = rows.first { Self.table(&body, head, Array(rows.dropFirst())) }
                case .figure(let figure): Self.draw(figure, &body)
                }
            }
        }
    }

    /// The document.
    public var markdown: String {
        var parts = ["# \(title)"]
        for block in blocks {
            switch block {
            case .heading(let text): parts.append("## \(text)")
            case .text(let text): parts.append(text)
            case .list(let items): parts.append(items.map { "* \($0)" }.joined(separator: "\n"))
            case .table(let rows): parts.append(Self.markdown(rows))
            case .figure: continue
            }
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private static func markdown(_ rows: [[String]]) -> String {
        guard let head = rows.first else { return "" }
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "/").replacing("\n", with: " ") }.joined(separator: " | ") + " |"
        }
        let rule = "|" + String(repeating: "---|", count: head.count)
        return ([line(head), rule] + rows.dropFirst().map(line)).joined(separator: "\n")
    }

    // MARK: - Pages

    static func page(title: String, _ content: (inout SVGText) -> Void) -> String {
        var page = SVGText()
        page.element("html", ["lang": "en"]) { html in
            html.element("head", [:]) { head in
                head.element("meta", ["charset": "utf-8"])
                head.element("meta", ["name": "viewport", "content": "width=device-width"])
                // Whatever a name may hold, nothing is run and nothing is loaded.
                head.element(
                    "meta",
                    [
                        "http-equiv": "Content-Security-Policy",
                        "content": "default-src 'none'; style-src 'unsafe-inline'",
                    ])
                head.element("title", [:]) { $0.write(title) }
                head.element("style", [:]) { $0.write(style) }
            }
            html.element("body", [:]) { body in
                body.element("h1", [:]) { $0.write(title) }
                content(&body)
            }
        }
        return "<!DOCTYPE html>\n" + page.text
    }

    static func table(_ body: inout SVGText, _ head: [String], _ rows: [[String]]) {
        body.element("div", ["class": "scroll"]) { scroll in
            scroll.element("table", [:]) { table in
                table.element("thead", [:]) { row(&$0, head, cell: "th") }
                table.element("tbody", [:]) { part in for cells in rows { row(&part, cells, cell: "td") } }
            }
        }
    }

    private static func row(_ part: inout SVGText, _ cells: [String], cell: String) {
        part.element("tr", [:]) { row in
            for (column, text) in cells.enumerated() {
                row.element(cell, ["class": .text(column == 0 ? "name" : "figure")]) {
                    // An empty element would not be closed on a page.
                    $0.write(text.isEmpty ? "-" : text)
                }
            }
        }
    }

    static func draw(_ figure: ReportFigure, _ body: inout SVGText) {
        body.element("figure", ["id": .text(figure.name)]) { $0.append(xml: figure.svg) }
    }

    /// Nothing here may need escaping.
    private static let style = """
        :root { color-scheme: light dark; }
        body { font: 14px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 24px auto; padding: 0 16px; }
        h1 { font-size: 22px; } h2 { font-size: 17px; margin-top: 32px; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { border-bottom: 1px solid #8886; padding: 3px 10px; text-align: right; }
        th { font-weight: 600; } .name { text-align: left; overflow-wrap: anywhere; }
        figure { margin: 16px 0; overflow-x: auto; }
        svg { max-width: 100%; height: auto; border-radius: 6px; }
        """
}
