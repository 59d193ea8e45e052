import ArgumentParser
import CostModel
import Domain
import Foundation
import Planning
import Testing

@testable import CommandLineTool

/// `e2llm plan --fleet` with what a profiler measured.
@Suite struct MeasuredFleetTests {
    private static func bytes(_ change: (inout Fleet) -> Void = { _ in }) throws -> [UInt8] {
        var fleet = PlannerFleets.fleet()
        change(&fleet)
        return [UInt8](try JSONEncoder().encode(fleet))
    }

    @Test func isPlannedFromItsTables() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "measured-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (nodes, stream) = (folder.appending(path: "nodes.json"), folder.appending(path: "stream.csv"))
        try Data(try Self.bytes()).write(to: nodes)
        try Data("request_id,t_unit,prompt_tokens,output_tokens\na,0,200,100\nb,1,300,50\n".utf8).write(to: stream)
        let arguments = ["plan", "--fleet", nodes.path, "--workload", stream.path, "--rate", "2"]
        let command = try #require(try E2LLMCommand.parseAsRoot(arguments) as? PlanCommand)
        let scenario = try command.scenario.read()
        let answer = try ScenarioPlanner(command.choices).plan(scenario)
        #expect(answer.plan.problem(layers: 12) == nil)
        #expect(answer.plan.model == "digest")
        // The services plan from the same tables.
        let cost = try scenario.fleet.cost(scenario.model)
        #expect(cost.devices.map(\.id) == ["a", "b", "c", "d"])
        let less = try ScenarioPlanner(command.choices).plan(try scenario.changed("-a"))
        let more = try ScenarioPlanner(command.choices).plan(try scenario.changed("+a"))
        #expect(less.plan.predictedRequestsPerSecond < answer.plan.predictedRequestsPerSecond)
        #expect(more.plan.predictedRequestsPerSecond > answer.plan.predictedRequestsPerSecond)
        #expect(more.plan.replicas.flatMap(\.stages).contains { $0.device == "a-new" })

        let other = try #require(
            try E2LLMCommand.parseAsRoot(arguments + ["--model", "llama-3-8b-q4"]) as? PlanCommand)
        let foreign = try other.scenario.read()
        #expect { try ScenarioPlanner(other.choices).plan(foreign) } throws: { "\($0)".contains("measured with test") }
    }

    private static let faults: [(text: String, change: @Sendable (inout Fleet) -> Void)] = [
        ("there is no device nobody", { $0.links[3].to = "nobody" }),
        ("links[2].bytes_per_s", { $0.links[2].bytesPerSecond = -5 }),
        ("links[1].latency_s", { $0.links[1].latencySeconds = -1 }),
        ("devices[1].id", { $0.devices[1].id = "a" }), ("model is missing", { $0.model = nil }),
        ("devices[0].measurements", { $0.devices[0].measurements = nil }),
        (
            "devices[2].measurements.decode[0]",
            { $0.devices[2].measurements?.decode = [.init(batch: 0, context: -1, secondsPerLayer: -1)] }
        ),
        ("devices[3].measurements.prefill[1]", { $0.devices[3].measurements?.prefill[1].secondsPerLayer = -1 }),
        (
            "devices[3].measurements:",
            {
                $0.devices[3].measurements?.decode = []
                $0.devices[3].measurements?.prefill = []
            }
        ),
    ]

    @Test(arguments: faults.indices)
    func whatIsWrongIsNamed(_ index: Int) throws {
        let (text, change) = Self.faults[index]
        let bytes = try Self.bytes(change)
        #expect(MeasuredFleet.isOne(bytes))
        #expect { try MeasuredFleet(bytes, name: "x") } throws: { "\($0)".contains(text) }
    }

    @Test func damagedFilesAreRefused() throws {
        #expect(!MeasuredFleet.isOne(Array("[1".utf8)) && !MeasuredFleet.isOne(Array("{\"devices\": []}".utf8)))
        let bytes = Array("{\"version\": 1, \"devices\": [{\"id\": \"a\"}], \"links\": []}".utf8)
        #expect { try MeasuredFleet(bytes, name: "x") } throws: { "\($0)".contains("is missing") }
    }

    @Test func changesNameWhatIsThere() throws {
        let fleet = try MeasuredFleet(try Self.bytes(), name: "x")
        #expect { try fleet.removing("nobody") } throws: { "\($0)".contains("devices are a, b, c, d") }
        #expect { try fleet.adding(type: "toaster") } throws: { "\($0)".contains("types are a, b, c, d") }
        let twice = try fleet.adding(type: "a").adding(type: "a")
        #expect(twice.fleet.devices.map(\.id) == ["a", "b", "c", "d", "a-new", "a-new2"])
        #expect(twice.fleet.link(from: "a-new", to: "d") != nil && twice.fleet.link(from: "a-new", to: "a-new2") != nil)
    }
}
