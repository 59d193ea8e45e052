internal import Drawing

/// Writes the `d` of an SVG path.
struct PathText {
    private(set) var text = ""

    static func number(_ value: Double) -> String { SVGText.number(value) }

    mutating func move(_ x: Double, _ y: Double) { text += "M\(Self.number(x)) \(Self.number(y))" }
    mutating func line(_ x: Double, _ y: Double) { text += "L\(Self.number(x)) \(Self.number(y))" }
    mutating func across(_ x: Double) { text += "H\(Self.number(x))" }
    mutating func upright(_ y: Double) { text += "V\(Self.number(y))" }
    mutating func close() { text += "Z" }

    mutating func box(x: Double, y: Double, width: Double, height: Double) {
        move(x, y)
        across(x + width)
        upright(y + height)
        across(x)
        close()
    }
}

extension SVGText {
    /// A line without a fill.
    mutating func stroke(_ path: PathText, _ colour: String, width: Double = 1, dash: String = "none") {
        guard !path.text.isEmpty else { return }
        element(
            "path",
            [
                "d": .text(path.text), "fill": "none", "stroke": .text(colour), "stroke-width": .number(width),
                "stroke-dasharray": .text(dash),
            ])
    }

    /// A filled shape.
    mutating func fill(_ path: PathText, _ colour: String, title: String? = nil) {
        guard !path.text.isEmpty else { return }
        element("path", ["d": .text(path.text), "fill": .text(colour)]) { if let title { $0.title(title) } }
    }
}
