import Foundation
import Reports
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct ReportPageTests {
    private let document = """
        # Title

        A paragraph with <b> & "marks".

        ## Part
        * one
        * two

        | a | b |
        |---|---|
        | 1 | 2 |
        | x <y> | |

        End.
        """

    @Test func documentsArePagesToo() {
        let blocks = ReportBlock.blocks(markdown: document)
        #expect(
            blocks == [
                .text("A paragraph with <b> & \"marks\"."), .heading("Part"), .list(["one", "two"]),
                .table([["a", "b"], ["1", "2"], ["x <y>", ""]]), .text("End."),
            ])
        let page = ReportPage(title: "Title <script>", blocks: blocks)
        #expect(!page.html.contains("<script>"))
        #expect(!page.html.contains("<b>"))
        let parser = XMLParser(data: Data(page.html.utf8))
        #expect(parser.parse(), "the page is well-formed")
        #expect(ReportBlock.blocks(markdown: page.markdown) == blocks, "and a document again")
    }

    @Test func picturesAreOnThePageOnly() {
        let page = ReportPage(
            title: "t",
            blocks: [.figure(ReportFigure(name: "picture", svg: "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"))])
        #expect(page.html.contains("<svg"))
        #expect(page.markdown == "# t\n")
        #expect(page.figures.map(\.name) == ["picture"])
    }
}
