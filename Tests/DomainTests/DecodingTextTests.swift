import Domain
import Foundation
import Testing

@Suite("Decoding errors as sentences")
struct DecodingTextTests {
    private struct Document: Decodable {
        var name: String
        var isOpen: Bool
        var requests: [Request]
        var notes: [String: Int]

        struct Request: Decodable {
            var arrival: Double
            var layers: LayerRange
        }
    }

    private func text(_ json: String) throws -> String {
        let error = try #require(throws: DecodingError.self) {
            try JSONDecoder().decode(Document.self, from: Data(json.utf8))
        }
        return DecodingText.text(error)
    }

    private static let layers = #""layers": {"start": 0, "end": 2}"#
    private static let start = #"{"name": "a", "isOpen": true, "#

    private static let cases: [(String, String)] = [
        ("{}", "name is missing"), (#"{"name": 5}"#, "name is not a text"), (#"{"name": null}"#, "name is null"),
        ("[]", "the top level is not an object"),
        (#"{"name": "a", "isOpen": 1}"#, "isOpen is not true or false"),
        (start + #""requests": {}}"#, "requests is not a list"),
        (start + #""requests": [7]}"#, "requests[0] is not an object"),
        (
            start + #""requests": [{"arrival": 1, \#(layers)}, {"arrival": "x"}]}"#,
            "requests[1].arrival is not a number"
        ),
        (start + #""requests": [{"arrival": 1}]}"#, "requests[0].layers is missing"),
        (start + #""requests": [], "notes": {"7": "x"}}"#, "notes.7 is not a number"),
    ]

    @Test(arguments: cases)
    func namesTheField(json: String, sentence: String) throws {
        #expect(try text(json) == sentence)
    }

    @Test("what a type says itself about a value is passed on")
    func refusals() throws {
        let json = Self.start + #""requests": [{"arrival": 1, "layers": {"start": 3, "end": 2}}]}"#
        #expect(try text(json) == "requests[0].layers.end: a layer range must have 0 <= start <= end")
        #expect(try text("{").isEmpty == false)
    }

    @Test("keys and elements are written as the caller likes")
    func paths() throws {
        let error = try #require(throws: DecodingError.self) {
            try JSONDecoder().decode([[String: Int]].self, from: Data(#"[{"a b": 1}, {"a b": "x"}]"#.utf8))
        }
        guard case .typeMismatch(_, let context) = error else { throw error }
        let path = DecodingText.path(context.codingPath, key: { "'\($0)'" }, element: { "\($0)#\($1)" })
        #expect(path == "#1.'a b'")
    }
}
