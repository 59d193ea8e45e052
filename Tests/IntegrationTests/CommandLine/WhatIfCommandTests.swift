import ArgumentParser
import Domain
import Testing

@testable import CommandLineTool

/// `e2llm what-if`: what is asked, and what is shown.
@Suite struct WhatIfCommandTests {
    private func command(_ arguments: String...) throws -> WhatIfCommand {
        try #require(try E2LLMCommand.parseAsRoot(["what-if"] + arguments) as? WhatIfCommand)
    }

    @Test func changesAreRead() throws {
        let command = try command(
            "--without", "x", "--without", "y", "--link", "a:b=12500000,0.002", "--link", "a:c=,1", "--slow", "k=v=2",
            "--prompt", "512")
        let changes = try command.changes.read()
        typealias Link = FleetChanges.Link
        #expect(changes.without == ["x", "y"])
        #expect(
            changes.links == [
                Link(from: "a", to: "b", latencySeconds: 0.002, bytesPerSecond: 12_500_000),
                Link(from: "b", to: "a", latencySeconds: 0.002, bytesPerSecond: 12_500_000),
                Link(from: "a", to: "c", latencySeconds: 1), Link(from: "c", to: "a", latencySeconds: 1),
            ])
        #expect(changes.slowdowns == [DeviceSlowdown(device: "k=v", factor: 2)])
        let workload = command.changes.workload(WorkloadStatistics(requestsPerSecond: 3))
        #expect(workload?.meanPromptTokens == 512 && workload?.requestsPerSecond == 3)
        #expect(try self.command().changes.workload(WorkloadStatistics()) == nil)
    }

    @Test(arguments: [
        ["--link", "a=1,2"], ["--link", "a:b"], ["--link", "a:b="], ["--link", "a:b=,"], ["--link", "a:b=0,1"],
        ["--link", "a:b=1,-1"], ["--link", "a:b:c=1,1"], ["--slow", "a"], ["--slow", "=2"], ["--slow", "a=0.5"],
        ["--slow", "a=nan"], ["--prompt", "0"], ["--output", "-1"], ["--rate", "0"],
    ])
    func whatCannotBeIsRefused(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try E2LLMCommand.parseAsRoot(["what-if"] + arguments) }
    }

    @Test func differencesAreMarked() {
        func plan(_ device: DeviceID, rate: Double) -> PlacementPlan {
            PlacementPlan(
                id: "p", model: "m", fleetVersion: 1, workload: WorkloadStatistics(),
                replicas: [
                    PlanReplica(
                        id: "r0", role: .mixed,
                        stages: [
                            PlanStage(device: device, layers: LayerRange(0, 4), predictedDecodeSeconds: 0.25),
                            PlanStage(device: "z", layers: LayerRange(4, 8)),
                        ],
                        decodeConcurrency: 1, kvCapacityTokens: 1, predictedRequestsPerSecond: rate,
                        predictedTokenGapSeconds: 1)
                ], predictedRequestsPerSecond: rate, objective: 0, algorithm: "test")
        }
        let text = PlanComparison(
            inForce: plan("x", rate: 2), preview: plan("y", rate: 1), inForceRequestsPerSecond: 0.5, move: nil,
            searchSeconds: 1
        ).text
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.contains { $0.prefix(3) == ["requests/s", "2", "1"] }, "\(text)")
        #expect(lines.contains { $0.first == "*" && $0.contains("x") && $0.contains("idle") }, "\(text)")
        #expect(lines.contains { $0.first == "z" }, "\(text)")
        #expect(text.contains("would sustain 0.5"))
    }
}
