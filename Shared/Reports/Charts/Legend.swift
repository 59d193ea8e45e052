internal import Drawing

/// Names beside their colours, in as many rows as it takes.
struct Legend {
    enum Shape {
        /// A line in the style of a series.
        case line(SeriesStyle)
        /// A box of a colour.
        case box(String)
    }

    private struct Entry {
        var shape: Shape
        var name: String
        var text: String
        var x: Double
        var row: Int
    }

    private var entries: [Entry] = []
    private static let rowHeight = 18.0
    /// What its rows take.
    private(set) var height = 0.0

    init(_ names: [(Shape, String)]) {
        var x = ChartFrame.margin
        var row = 0
        for (shape, name) in names {
            let text = SVGText.shortened(name, to: 300, size: 11)
            let width = 34 + SVGText.width(text, size: 11) + 10
            if x + width > ChartFrame.right, x > ChartFrame.margin {
                x = ChartFrame.margin
                row += 1
            }
            entries.append(Entry(shape: shape, name: name, text: text, x: x, row: row))
            x += width
        }
        height = entries.isEmpty ? 0 : Double(row + 1) * Self.rowHeight + 6
    }

    func draw(_ svg: inout SVGText, top: Double) {
        for entry in entries {
            let y = top + Double(entry.row) * Self.rowHeight
            switch entry.shape {
            case .box(let colour):
                svg.box(
                    x: entry.x + 8, y: y, width: 18, height: 12, fill: colour, stroke: PictureColours.faint,
                    strokeWidth: 0.5, title: entry.name)
            case .line(let style):
                var path = PathText()
                path.move(entry.x, y + 6)
                path.across(entry.x + 28)
                svg.stroke(path, style.colour, width: 2, dash: style.dash)
                svg.element(
                    "path", ["d": .text(style.path(x: entry.x + 14, y: y + 6)), "fill": .text(style.colour)]
                ) { $0.title(entry.name) }
            }
            svg.label(entry.text, x: entry.x + 34, y: y + 10)
        }
    }
}
