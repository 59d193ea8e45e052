import ArgumentParser
import Domain
import Foundation
import Scenarios
import Simulation
import Testing

@testable import CommandLineTool

/// `e2llm simulate` and `e2llm compare`: from files to records.
@Suite struct SimulateCommandTests {
    /// A folder with a fleet of eight devices and a stream; removed afterwards.
    private func withFiles(_ body: (URL, [String]) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "simulate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fleet = try FleetGenerator(deviceCount: 8, seed: 2).fleet()
        try Data(FleetFile.write(fleet)).write(to: folder.appending(path: "fleet.json"))
        let rows = (0..<60).map { "r\($0),\(Double($0)),\(100 + 10 * $0),\(1 + 2 * $0)" }
        let csv = "request_id,t_unit,prompt_tokens,output_tokens\n" + rows.joined(separator: "\n") + "\n"
        try Data(csv.utf8).write(to: folder.appending(path: "stream.csv"))
        try body(
            folder,
            [
                "simulate", "--fleet", folder.appending(path: "fleet.json").path, "--model", "llama-3-8b-q4",
                "--workload", folder.appending(path: "stream.csv").path,
            ])
    }

    private func question(_ arguments: [String]) throws -> SimulationQuestion {
        let command = try #require(try E2LLMCommand.parseAsRoot(arguments) as? SimulateCommand)
        return try SimulationQuestion(
            command.scenario, command.conditions, policy: command.policy, plan: command.plan,
            requests: command.requests)
    }

    @Test(arguments: SimulatedSystem.allCases)
    func everyPolicyRuns(system: SimulatedSystem) throws {
        try withFiles { _, arguments in
            let record = try question(arguments + ["--rate", "0.2", "--policy", system.rawValue]).run()
            #expect(record.system == system.rawValue && record.requests.count == 60)
            #expect(record.requests.allSatisfy { $0.outcome == .finished })
            let answer = SimulationAnswer(record, capacity: 3)
            #expect(answer.text.hasPrefix(system.title + "\n60 of 60 requests finished"))
            #expect(answer.text.contains("queues stay bounded up to 3 requests/s"))
        }
    }

    @Test func recordsAreKeptAndCompared() throws {
        try withFiles { folder, arguments in
            let record = try question(arguments + ["--rate", "0.2", "--requests", "20"]).run()
            let path = folder.appending(path: "run.json").path
            try Data(try RecordFile.json(record).utf8).write(to: URL(fileURLWithPath: path))
            #expect(try RecordFile.read(path) == record)
            let lines = RecordFile.csv(record).split(separator: "\n")
            #expect(lines.count == 21 && lines[1].hasPrefix("r0,finished,0.0,100,1,"))
            #expect(Set(lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }) == [17])
            try Data("{\"format\": 1}".utf8).write(to: URL(fileURLWithPath: path))
            #expect { try RecordFile.read(path) } throws: { "\($0)".contains("source is missing") }
        }
    }

    @Test func capacityIsWhereQueuesGrow() throws {
        try withFiles { _, arguments in
            let question = try question(arguments + ["--rate", "0.2", "--policy", "b0"])
            let capacity = try question.capacity()
            func growth(_ rate: Double) throws -> Double {
                let traffic = try SimulatedTraffic(question.stream, rate: rate).evenlySpaced
                let record = try question.system.run(
                    traffic, on: question.plan, fleet: question.fleet, question.conditions)
                return record.backlogGrowth
            }
            #expect(try growth(capacity) <= CapacitySearch().mostGrowth)
            #expect(try growth(2 * capacity) > CapacitySearch().mostGrowth)
        }
    }

    @Test func aPlanFileIsSimulated() throws {
        try withFiles { folder, arguments in
            let own = try question(arguments + ["--rate", "0.2"])
            let path = folder.appending(path: "plan.json")
            let file = GroupPlan(scenario: "x", plan: own.plan.plan)
            try Data(try PlanFile.write([file])).write(to: path)
            let read = try question(arguments + ["--rate", "0.2", "--plan", path.path])
            #expect(read.plan.plan.replicas.map(\.stages.count) == own.plan.plan.replicas.map(\.stages.count))
            #expect(try read.run().requests.allSatisfy { $0.outcome == .finished })
        }
    }

    @Test(arguments: [
        (["--rate", "-1"], "--rate is -1.0"),
        (["--rate", "1", "--policy", "b9"], "policies are e2llm, paper, splitwise-adapted, b0"),
        (["--rate", "1", "--requests", "0"], "--requests is 0"),
        (["--rate", "1", "--routing", "luck"], "estimated-wait, least-requests, round-robin"),
        (["--rate", "1", "--roles", "some"], "--roles \"some\""), (["--rate", "1", "--chunk", "-1"], "--chunk"),
        (["--rate", "1", "--largest-batch", "0"], "largest batch"),
    ])
    func whatIsWrongIsNamed(_ more: [String], _ text: String) throws {
        try withFiles { _, arguments in
            #expect { _ = try question(arguments + more).run() } throws: { "\($0)".contains(text) }
        }
    }

    @Test func faultsAreReadAndChecked() throws {
        try withFiles { folder, arguments in
            let path = folder.appending(path: "faults.json")
            try Data("[{\"device\": \"agx-01\", \"kind\": \"explode\", \"time_s\": 1}]".utf8).write(to: path)
            let more = ["--rate", "0.2", "--faults", path.path]
            #expect { _ = try question(arguments + more).run() } throws: { "\($0)".contains("[0].kind") }
            try Data("[{\"device\": \"agx-01\", \"kind\": \"fail\", \"time_s\": 100}]".utf8).write(to: path)
            #expect { _ = try question(arguments + more + ["--policy", "b0"]).run() } throws: {
                "\($0)".contains("only the services")
            }
            let record = try question(arguments + more).run()
            #expect(record.requests.allSatisfy { $0.outcome == .finished })
        }
    }
}
