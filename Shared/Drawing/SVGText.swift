/// Writes SVG (or any XML): escapes, closes what it opens, and rounds coordinates to a tenth of a pixel.
public struct SVGText {
    /// What has been written.
    public private(set) var text = ""

    /// Makes an empty text.
    public init() {}

    /// An attribute's value.
    public enum Value: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
        /// Text, which is escaped.
        case text(String)
        /// A coordinate or a size in pixels.
        case number(Double)

        /// Text.
        public init(stringLiteral value: String) { self = .text(value) }
        /// A number.
        public init(floatLiteral value: Double) { self = .number(value) }
        /// A number.
        public init(integerLiteral value: Int) { self = .number(Double(value)) }

        var escaped: String {
            switch self {
            case .text(let text): SVGText.escaped(text)
            case .number(let number): SVGText.number(number)
            }
        }
    }

    /// An element with what `content` writes inside it, on a line of its own.
    public mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, Value>, content: (inout SVGText) -> Void = { _ in }
    ) {
        text += "<" + name
        for (key, value) in attributes { text += " \(key)=\"\(value.escaped)\"" }
        var inner = SVGText()
        content(&inner)
        text += inner.text.isEmpty ? "/>\n" : ">\(inner.text)</\(name)>\n"
    }

    /// Text at a place; `anchor` is `start`, `middle` or `end`.
    public mutating func label(
        _ label: String, x: Double, y: Double, size: Double = 11, anchor: String = "start", weight: String = "normal",
        fill: String = PictureColours.ink
    ) {
        element(
            "text",
            [
                "x": .number(x), "y": .number(y), "font-size": .number(size), "text-anchor": .text(anchor),
                "font-weight": .text(weight), "fill": .text(fill),
            ]
        ) { $0.write(label) }
    }

    /// A rectangle that shows `title` under the pointer.
    public mutating func box(
        x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String = "none",
        strokeWidth: Double = 1, title: String? = nil
    ) {
        element(
            "rect",
            [
                "x": .number(x), "y": .number(y), "width": .number(max(0, width)), "height": .number(height),
                "fill": .text(fill), "stroke": .text(stroke), "stroke-width": .number(strokeWidth),
            ]
        ) { if let title { $0.title(title) } }
    }

    /// A tooltip of the element that it is written into.
    public mutating func title(_ title: String) {
        text += "<title>" + Self.escaped(title) + "</title>"
    }

    /// Another picture or element, as it is.
    public mutating func append(xml: String) { text += xml }

    /// Plain text.
    public mutating func write(_ plain: String) { text += Self.escaped(plain) }

    /// A coordinate with at most one decimal; 0 for what is no number, and nothing beyond a thousand million.
    public static func number(_ value: Double) -> String {
        let tenths = value.isNaN ? 0 : Int((min(max(value, -1e9), 1e9) * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
        return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
    }

    /// Text for XML: the five reserved characters as entities, characters that XML does not allow replaced.
    public static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            case _ where scalar.value < 0x20: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Pixels that a text takes at most, by a usual sans-serif font.
    public static func width(_ text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x2E80 ? 0.6 : 1.05) * size }
    }

    /// The text, or as much of it as fits; empty where not even a letter does.
    public static func shortened(_ text: String, to room: Double, size: Double) -> String {
        if width(text, size: size) <= room { return text }
        var short = ""
        var used = 0.75 * size
        for character in text {
            used += width(String(character), size: size)
            if used > room { break }
            short.append(character)
        }
        return short.isEmpty ? "" : short + "\u{2026}"
    }
}
