import ArgumentParser
import Domain
import Foundation
import Planning
import Reports
import Scenarios
import Simulation

/// What is made of a plan for a described fleet.
struct PlanOutput: ParsableArguments {
    @Option(help: "Write the plan to a plan file (JSON).") var output: String?
    @Option(help: "Write a picture of the plan (SVG).") var svg: String?
    @Flag(help: "Say in words what limits the plan.") var explain = false
    @Option(
        name: .customLong("what-if"), parsing: .unconditionalSingleValue,
        help: "What one device more (+TYPE) or less (-ID) would change; may be repeated.")
    var whatIf: [String] = []

    func run(_ options: ScenarioOptions, _ choices: PlanningChoices, json: Bool) throws {
        let planner = try ScenarioPlanner(choices)
        if planner.algorithm != .standard, planner.algorithm.baseline == nil, explain || svg != nil || !whatIf.isEmpty {
            throw Failure(.usage, "--explain, --what-if and --svg are not for the genetic algorithms")
        }
        let scenario = try options.read()
        // Wrong changes are refused before time is spent.
        let changes = try whatIf.map { ($0, try scenario.changed($0)) }
        let answer = try planner.plan(scenario)
        var printed = PlanAnswer(answer, scenario: scenario.name)
        if let output {
            try write(try PlanFile.write([GroupPlan(scenario: scenario.name, plan: answer.plan)]), to: output)
        }
        var lines = [PlanAnswer.text(answer)]
        if let result = answer.result {
            if let svg {
                let title = "\(scenario.fleet.name), \(scenario.model.name), \(answer.plan.algorithm)"
                try write(
                    Array(PlanPicture(result, title: title, types: scenario.fleet.types).svg.utf8), to: svg)
            }
            if explain {
                let explanation = PlanExplanation(result, types: scenario.fleet.types).lines
                printed.explanation = explanation
                lines = ["\(answer.plan.algorithm), planned in \(Int(answer.seconds * 1000)) ms"] + explanation
            }
            if !changes.isEmpty { printed.whatIf = [] }
            for (change, changed) in changes {
                guard let after = try planner.plan(changed).result else { continue }
                let text = PlanDifference(before: result, after: after).lines
                printed.whatIf?.append(
                    PlanAnswer.Change(
                        change: change, requestsPerSecond: after.placed.rate, upperBound: after.upperBound, text: text))
                lines += ["", "What if \(change):"] + text
            }
        }
        if json { return try JSONOutput.print(printed) }
        print(lines.joined(separator: "\n"))
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure(.failed, "\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}
