internal import Drawing

/// What all pictures have in common: their width, a white ground that is readable on light and dark pages, title and subtitle.
enum ChartFrame {
    static let width = 960.0
    static let margin = 16.0
    /// Where the content begins.
    static let top = 62.0
    static var right: Double { width - margin }

    static func svg(
        _ title: String, _ subtitle: String, height: Double, content: (inout SVGText) -> Void
    ) -> String {
        var picture = SVGText()
        let room = width - 2 * margin
        picture.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "width": .number(width), "height": .number(height),
                "viewBox": .text("0 0 \(SVGText.number(width)) \(SVGText.number(height))"), "role": "img",
                "font-family": "system-ui, 'DejaVu Sans', Arial, sans-serif",
            ]
        ) { svg in
            svg.title("\(title): \(subtitle)")
            svg.box(x: 0, y: 0, width: width, height: height, fill: "#ffffff")
            svg.label(SVGText.shortened(title, to: room, size: 16), x: margin, y: 26, size: 16, weight: "bold")
            svg.label(
                SVGText.shortened(subtitle, to: room * 1.1, size: 12), x: margin, y: 46, size: 12,
                fill: PictureColours.faint)
            content(&svg)
        }
        return picture.text
    }
}
