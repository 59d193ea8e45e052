import Drawing
import Testing

@Suite("Writing SVG") struct SVGTextTests {
    @Test func textIsShortenedToItsRoom() {
        #expect(SVGText.shortened("abc", to: 100, size: 10) == "abc")
        let short = SVGText.shortened("abcdefghijklmnop", to: 50, size: 10)
        #expect(short.hasSuffix("\u{2026}") && SVGText.width(short, size: 10) <= 50 + 10)
        #expect(SVGText.shortened("abc", to: 2, size: 10) == "")
    }

    @Test func coordinatesAreShortAndAlwaysNumbers() {
        #expect(SVGText.number(-0.04) == "0" && SVGText.number(12.34) == "12.3" && SVGText.number(-1.25) == "-1.3")
        #expect(SVGText.number(.nan) == "0" && SVGText.number(.infinity) == "1000000000")
        #expect(SVGText.number(-1e300) == "-1000000000")
    }

    @Test func textIsEscaped() {
        var svg = SVGText()
        svg.element("a", ["b": "\"<&>'"]) { $0.write("</a>\u{0}") }
        #expect(svg.text == "<a b=\"&quot;&lt;&amp;&gt;&#39;\">&lt;/a&gt;\u{FFFD}</a>\n")
        var whole = SVGText()
        whole.append(xml: svg.text)
        #expect(whole.text == svg.text)
    }
}
