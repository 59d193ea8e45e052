import ArgumentParser
import Domain
import Foundation
import Planning
import Scenarios
import Testing

@testable import CommandLineTool

/// `e2llm plan --fleet`: from files to a plan file.
@Suite struct PlanCommandTests {
    private static let model = ModelDescription(
        name: "llama-3-8b-q4", layers: 32, hidden: 4096, ffn: 14336, heads: 32, kvHeads: 8, headDim: 128,
        vocabulary: 128_256, maxContext: 8192, paramsPerLayer: 218_103_808, bytesPerLayer: 122_716_160,
        bytesEmbedding: 295_501_824, bytesHead: 430_956_544, bytesTotal: 4_653_375_488, kvBytesPerTokenPerLayer: 4096,
        activationBytesPerToken: 8192)

    /// A folder with a fleet of seven devices, a model and a stream; removed afterwards.
    private func withFiles(_ body: (URL, [String]) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "plan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fleet = try FleetGenerator(deviceCount: 7, seed: 40).fleet()
        try Data(FleetFile.write(fleet)).write(to: folder.appending(path: "fleet.json"))
        try Data(ModelDescriptionFile.write(Self.model)).write(to: folder.appending(path: "model.json"))
        let rows = (0..<50).map { "r\($0),\(Double($0)),\(400 + 20 * $0),\(100 + 4 * $0)" }
        let csv = "request_id,t_unit,prompt_tokens,output_tokens\n" + rows.joined(separator: "\n") + "\n"
        try Data(csv.utf8).write(to: folder.appending(path: "stream.csv"))
        try body(
            folder,
            [
                "plan", "--fleet", folder.appending(path: "fleet.json").path,
                "--model", folder.appending(path: "model.json").path,
                "--workload", folder.appending(path: "stream.csv").path, "--rate", "0.1",
            ])
    }

    private func command(_ arguments: [String]) throws -> PlanCommand {
        try #require(try E2LLMCommand.parseAsRoot(arguments) as? PlanCommand)
    }

    @Test func unknownModelsAreToldTheKnownOnes() throws {
        try withFiles { folder, base in
            let command = try command(base + ["--model", folder.appending(path: "none").path])
            #expect { try command.scenario.read() } throws: { error in
                "\(error)".hasSuffix(
                    "none is neither a file nor a known model (known: llama-2-13b-q4, llama-2-7b-q4, llama-3-8b-q4, "
                        + "smollm2-135m)")
            }
        }
    }

    /// The help promises 2 for wrong usage.
    @Test func wrongUsageIsToldFromFailure() {
        for arguments in [["plan", "--bogus"], ["nothing"], ["up"], ["generate", "--model"]] {
            let error = #expect(throws: (any Error).self) { try E2LLMCommand.parseAsRoot(arguments) }
            #expect(error.map { E2LLMCommand.isWrongUsage($0) } == true)
        }
        for arguments in [["--help"], ["plan", "--help"]] {
            do {
                _ = try E2LLMCommand.parseAsRoot(arguments)
            } catch {
                #expect(!E2LLMCommand.isWrongUsage(error), "\(arguments)")
            }
        }
        #expect(!E2LLMCommand.isWrongUsage(ExitCode(Failure.Kind.notReady.rawValue)))
        #expect(!E2LLMCommand.isWrongUsage(Failure(.failed, "x")))
    }

    @Test(arguments: [
        [], ["--baseline", "b0"], ["--algorithm", "paper"], ["--objective", "throughput", "--roles", "split"],
        ["--objective", "energy"], ["--objective", "goodput", "--slo-ttft", "5"],
        ["--no-streaming", "--kv-types", "f16"],
        ["--minimum-speed", "0", "--deadline", "20s"],
    ]) func everyPlannerAnswersInOneForm(_ arguments: [String]) throws {
        try withFiles { _, base in
            let command = try command(base + arguments)
            let scenario = try command.scenario.read()
            let answer = try ScenarioPlanner(command.choices).plan(scenario)
            #expect(answer.plan.problem(layers: 32) == nil)
            let data = try JSONEncoder().encode(PlanAnswer(answer, scenario: scenario.name))
            let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            for name in ["plan", "predicted", "upper_bound", "gap", "seconds"] {
                #expect(fields[name] != nil, "\(name)")
            }
            #expect((fields["predicted"] as? [String: Any])?["requests_per_s"] as? Double ?? 0 > 0)
            let plan = try #require(fields["plan"])
            let plans = try PlanFile.read([UInt8](JSONSerialization.data(withJSONObject: plan)))
            #expect(plans.first?.scenario == scenario.name)
            guard case .described(let fleet) = scenario.fleet else { throw CancellationError() }
            try plans.first?.check(fleet: fleet, model: scenario.model)
        }
    }

    @Test func filesAreWritten() throws {
        try withFiles { folder, base in
            let (output, svg) = (folder.appending(path: "plan.json").path, folder.appending(path: "plan.svg").path)
            let command = try command(base + ["--output", output, "--svg", svg, "--scenario", "mine"])
            try command.output.run(command.scenario, command.choices, json: true)
            let plans = try PlanFile.read([UInt8](Data(contentsOf: URL(fileURLWithPath: output))))
            #expect(plans.map(\.scenario) == ["mine"])
            #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg"))
        }
    }

    @Test func aPlanInForceIsKeptOrLeftForAReason() throws {
        try withFiles { folder, base in
            let file = folder.appending(path: "plan.json").path
            let first = try command(base + ["--output", file])
            try first.output.run(first.scenario, first.choices, json: true)
            func answer(_ arguments: [String]) throws -> ScenarioPlanner.Answer {
                let command = try command(base + ["--in-force", file] + arguments)
                return try ScenarioPlanner(command.choices).plan(try command.scenario.read())
            }
            let same = try answer([])
            #expect(same.move?.replaces == false && same.move?.reason.isEmpty == false)
            let baseline = try answer(["--baseline", "b0", "--horizon", "60"])
            #expect(baseline.move?.horizonSeconds == 60)
            #expect(PlanAnswer.text(baseline).contains("the plan in force: ") == (baseline.move?.replaces == false))

            let reader = try command(base)
            let lost = try #require(same.plan.replicas.first?.stages.first?.device)
            let changed = try reader.scenario.read().changed("-\(lost)")
            let left = try ScenarioPlanner(try command(base + ["--in-force", file]).choices).plan(changed)
            #expect(left.move?.replaces == true && left.move?.reason.contains("device \(lost)") == true)
        }
    }

    @Test func changesOfTheFleetAreNamed() throws {
        try withFiles { _, base in
            let (id, type) = try #require(try command(base).scenario.read().fleet.types.first)
            let command = try command(base + ["--what-if", "-\(id)", "--what-if", "+\(type)"])
            #expect(command.output.whatIf == ["-\(id)", "+\(type)"])
            let scenario = try command.scenario.read()
            #expect(try scenario.changed("-\(id)").fleet.types.count == 6)
            #expect(try scenario.changed("+\(type)").fleet.types.count == 8)
        }
    }

    @Test(arguments: [
        (["--rate", "-1"], "--rate is -1"), (["--deadline", "soon"], "--deadline"),
        (["--what-if", "-nobody"], "nobody"), (["--what-if", "nano"], "+TYPE"), (["--what-if", "+toaster"], "toaster"),
        (["--algorithm", "paper", "--explain"], "--explain"), (["--baseline", "b0", "--algorithm", "paper"], "leave"),
        (["--fleet", "/nowhere.json"], "/nowhere.json"), (["--largest-batch", "0"], "largest batch"),
        (["--objective", "goodput", "--slo-ttft", "0"], "--slo-ttft"), (["--model", "/dev/null"], "/dev/null"),
        (["--in-force", "/nowhere.json"], "/nowhere.json"), (["--in-force", "/dev/null"], "/dev/null"),
        (["--in-force", "/dev/null", "--horizon", "-1"], "--horizon"),
    ]) func whatIsWrongIsNamed(_ arguments: [String], _ text: String) throws {
        try withFiles { _, base in
            // The last of an option that is given twice counts.
            let command = try command(base + arguments)
            do {
                try command.output.run(command.scenario, command.choices, json: true)
                Issue.record("accepted")
            } catch {
                #expect("\(error)".contains(text), "\(error)")
            }
        }
    }
}
