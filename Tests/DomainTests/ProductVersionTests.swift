import Domain
import Foundation
import Testing

@Suite struct ProductVersionTests {
    @Test("the version is the topmost one of the changelog")
    func isThatOfTheChangelog() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "CHANGELOG.md"), encoding: .utf8)
        let heading = try #require(text.split(separator: "\n").first { $0.hasPrefix("## ") })
        #expect(heading.hasPrefix("## [\(ProductVersion.number)] - "), "\(heading)")
    }
}
