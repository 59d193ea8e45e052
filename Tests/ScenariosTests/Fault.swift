import Domain
import Scenarios
import Testing

/// A change of a text that must be there, and what reading the changed text must say.
struct Fault: Sendable, CustomTestStringConvertible {
    var text: String
    var replacement: String
    var code: ScenarioError.Code
    var message: String

    init(_ text: String, _ replacement: String, _ code: ScenarioError.Code, _ message: String) {
        self.text = text
        self.replacement = replacement
        self.code = code
        self.message = message
    }

    var testDescription: String { message }

    /// Changes the first occurrence and expects `read` to throw.
    func expect(in whole: String, _ read: (String) throws -> Void) {
        let isThere = whole.contains(text)
        #expect(isThere, "\(text)")
        refused(code, message) { try read(whole.replacing(text, with: replacement, maxReplacements: 1)) }
    }
}

/// Expects an error with a code and a part of its message.
func refused(
    _ code: ScenarioError.Code, _ message: String, location: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    let error = #expect(throws: ScenarioError.self, sourceLocation: location) { try body() }
    #expect(error?.code == code, sourceLocation: location)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")", sourceLocation: location)
}

extension DescribedFleet {
    static func example() throws -> DescribedFleet { try FleetFile.read(Fixtures.fleet.utf8) }
}

extension ModelDescription {
    static func llama2() throws -> ModelDescription { try ModelDescriptionFile.read(Fixtures.llama2.utf8) }
}
