import Foundation
import FoundationXML

/// What an XML text holds; reading one that is not well-formed throws.
final class XMLContents: NSObject, XMLParserDelegate {
    struct Element {
        var name: String
        var attributes: [String: String]

        func number(_ key: String) -> Double { Double(attributes[key] ?? "") ?? .nan }
    }

    private(set) var elements: [Element] = []
    /// The texts of elements, by the element's name.
    private(set) var texts: [String: [String]] = [:]
    private var text = ""

    init(_ xml: String) throws {
        super.init()
        let parser = XMLParser(data: Data(xml.utf8))
        parser.delegate = self
        if !parser.parse() { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
    }

    func named(_ name: String) -> [Element] { elements.filter { $0.name == name } }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append(Element(name: name, attributes: attributes))
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        texts[name, default: []].append(text)
        text = ""
    }

    /// Why not everything of a picture lies inside it; `nil` where all does.
    var outside: String? {
        guard let root = elements.first, root.name == "svg" else { return "no svg" }
        let (width, height) = (root.number("width"), root.number("height"))
        guard root.attributes["viewBox"] == "0 0 \(root.attributes["width"] ?? "") \(root.attributes["height"] ?? "")"
        else { return "viewBox" }
        for box in named("rect") {
            let (left, top) = (box.number("x"), box.number("y"))
            let (right, bottom) = (left + box.number("width"), top + box.number("height"))
            if !(left >= -0.1 && top >= -0.1 && right <= width + 0.1 && bottom <= height + 0.1) { return "\(box)" }
        }
        for text in named("text")
        where !(0...width).contains(text.number("x")) || !(0...height).contains(text.number("y")) {
            return "\(text)"
        }
        for path in named("path") {
            // Moves, lines, and lines across or upright, as absolute coordinates.
            var horizontal = true
            for part in (path.attributes["d"] ?? "").split(whereSeparator: { !$0.isNumber && !".-MLHVZ".contains($0) })
                .flatMap(Self.pieces)
            {
                switch part {
                case "M", "L", "H": horizontal = true
                case "V": horizontal = false
                case "Z": break
                default:
                    guard let value = Double(part), value >= -0.1, value <= (horizontal ? width : height) + 0.1 else {
                        return "\(part) in \(path)"
                    }
                    horizontal = false
                }
            }
        }
        return nil
    }

    /// `M12` as `M` and `12`, `8H3` as `8`, `H` and `3`.
    private static func pieces(_ text: Substring) -> [String] {
        var pieces: [String] = []
        var number = ""
        for character in text {
            guard character.isLetter else {
                number.append(character)
                continue
            }
            if !number.isEmpty { pieces.append(number) }
            number = ""
            pieces.append(String(character))
        }
        if !number.isEmpty { pieces.append(number) }
        return pieces
    }
}
