import Foundation
import Planning
import Testing

/// The partitioner's message bodies are defined beside the planner's types; their examples in the specification must
/// decode and be written the same.
@Suite struct MessageExampleTests {
    private func body(_ name: String) throws -> Data {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Shared/Protocol/Specification/examples/\(name).json")
        let parsed = try JSONSerialization.jsonObject(with: try Data(contentsOf: file)) as? [String: Any]
        let body = try #require(parsed?["body"])
        return try JSONSerialization.data(withJSONObject: body, options: [.sortedKeys])
    }

    private func roundTrip<Body: Codable>(_ type: Body.Type, _ data: Data) throws -> Data {
        let encoded = try JSONEncoder().encode(try JSONDecoder().decode(type, from: data))
        return try JSONSerialization.data(
            withJSONObject: try JSONSerialization.jsonObject(with: encoded), options: [.sortedKeys])
    }

    @Test func problemAndSolution() throws {
        let problem = try body("partition.solve")
        #expect(try roundTrip(PartitionProblem.self, problem) == problem)
        let decoded = try JSONDecoder().decode(PartitionProblem.self, from: problem)
        #expect(decoded.queryProblem == nil)
        _ = try decoded.cost()
        let solution = try body("partition.solution")
        #expect(try roundTrip(PartitionSolution.self, solution) == solution)
    }
}
