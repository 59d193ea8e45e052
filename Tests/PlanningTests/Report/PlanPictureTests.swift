import CostModel
import Domain
import Drawing
import Foundation
import FoundationXML
import Reports
import Testing

@testable import Planning

/// Pictures of plans: sound XML, everything inside, nothing that a name could break.
@Suite("Pictures of plans") struct PlanPictureTests {
    /// What a picture holds.
    private final class Contents: NSObject, XMLParserDelegate {
        struct Element {
            var name: String
            var attributes: [String: String]

            func number(_ key: String) -> Double { Double(attributes[key] ?? "") ?? .nan }
        }

        var elements: [Element] = []
        var titles: [String] = []
        var labels: [String] = []
        private var text = ""

        init(_ svg: String) throws {
            super.init()
            let parser = XMLParser(data: Data(svg.utf8))
            parser.delegate = self
            if !parser.parse() { throw parser.parserError ?? CocoaError(.fileReadCorruptFile) }
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append(Element(name: name, attributes: attributes))
            text = ""
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            if name == "title" { titles.append(text) }
            if name == "text" { labels.append(text) }
        }
    }

    private static func results() throws -> [PlanningResult] {
        try [(4, PlanningLimits.Roles.split), (9, .any), (14, .mixed), (45, .split)].map { count, roles in
            let cost = try PlacementFleets.costs(devices: count, count: 1, seed: UInt64(count) * 31)[0]
            return try PlacementPlanner().plan(
                cost: cost, demand: PlacementFleets.demand, limits: PlacementFleets.limits(roles))
        }
    }

    @Test func everythingIsInsideAndThere() throws {
        for result in try Self.results() {
            let svg = PlanPicture(result, title: "A plan").svg
            #expect(svg == PlanPicture(result, title: "A plan").svg)
            let contents = try Contents(svg)
            let root = try #require(contents.elements.first)
            let (width, height) = (root.number("width"), root.number("height"))
            #expect(root.name == "svg" && root.attributes["viewBox"] == "0 0 \(Int(width)) \(SVGText.number(height))")
            for element in contents.elements where element.name == "rect" {
                #expect(element.number("x") >= 0 && element.number("y") >= 0)
                #expect(element.number("x") + element.number("width") <= width + 0.1)
                #expect(element.number("y") + element.number("height") <= height + 0.1)
            }
            for element in contents.elements where element.name == "text" {
                #expect(element.number("x") >= 0 && element.number("x") < width && element.number("y") < height)
            }
            for group in result.groupNames { #expect(contents.labels.contains(group)) }
            let ids = result.instance.cost.devices.map(\.id.rawValue)
            for (name, group) in zip(result.groupNames, result.placed.groups) {
                var start = 0
                for (device, layers) in zip(group.order, group.layers) {
                    let bar = "\(ids[device]): layers \(LayerRange(start, start + layers)) of \(name)"
                    #expect(contents.titles.contains { $0.hasPrefix(bar) })
                    start += layers
                }
            }
            let used = Set(result.placed.groups.flatMap(\.order))
            for device in ids.indices where !used.contains(device) {
                #expect(contents.titles.contains("\(ids[device]): idle"))
            }
            #expect(contents.titles.filter { $0.hasPrefix("KV from ") }.count == result.placed.flows.count)
        }
    }

    @Test func hostileNamesAreText() throws {
        let names = [
            "<script>alert(1)</script>", "a\"b'c&amp;", "\u{0}\u{8}\u{1B}[31m", String(repeating: "x", count: 400),
        ]
        let question = try BaselineFleets.toy(
            names.map { BaselineFleets.Device(id: DeviceID($0), flops: 5e11, memory: 2_000_000_000) })
        var limits = question.instance.limits
        limits.minimumTokensPerSecond = 0
        let result = try PlacementPlanner().plan(
            cost: question.instance.cost, demand: question.instance.demand, limits: limits)
        let svg = PlanPicture(result, title: "]]> & <b>", types: [DeviceID(names[0]): "<i>"]).svg
        let contents = try Contents(svg)
        #expect(Set(contents.elements.map(\.name)).isSubset(of: ["svg", "title", "rect", "text", "path"]))
        #expect(contents.titles.first == "]]> & <b>")
        #expect(contents.titles.contains { $0.hasPrefix("\(names[0]) (<i>): layers ") })
        #expect(contents.titles.contains { $0.hasPrefix(names[1]) })
        #expect(!svg.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }
}
