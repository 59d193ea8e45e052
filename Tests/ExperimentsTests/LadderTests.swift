import Domain
import Experiments
import Foundation
import Planning
import Scenarios
import Simulation
import Synchronization
import Testing

@Suite struct LadderTests {
    private func settings(requests: Int = 60) -> LadderSettings {
        var settings = LadderSettings(.quick, seed: 3)
        settings.models = ["llama-3-8b-q4"]
        settings.fleets = [PlannerSuiteSettings.FleetDraws(devices: 6, count: 1)]
        settings.requests = requests
        settings.shares = [0.3, 0.9]
        return settings
    }

    @Test func everySystemIsMeasuredAtSharesOfEachBaselinesCapacity() throws {
        let told = Mutex<[ExperimentProgress]>([])
        let result = try Ladder(settings(), streams: [.conversation]).run(threads: 2) {
            0
        } progress: { progress in
            told.withLock { $0.append(progress) }
        }
        #expect(result.outcomes.map(\.scenario.mode) == [.on, .off], "in the order of the settings")
        #expect(told.withLock { $0.map(\.done).sorted() } == [1, 2])
        for outcome in result.outcomes {
            let capacity = try #require(outcome.capacity(.e2llm))
            #expect(capacity > 0)
            for measure in outcome.measures {
                let own = try #require(outcome.systems.first { $0.name == measure.baseline }).capacity
                #expect(abs(measure.rate - measure.share * own) < 1e-9)
                #expect(abs(measure.theirs.parts.reduce(0, +) - measure.theirs.waiting) < 1e-6)
                #expect(abs(measure.ours.parts.reduce(0, +) - measure.ours.waiting) < 1e-6)
            }
            #expect(
                outcome.measures.count == 2
                    * outcome.systems.count { system in
                        Ladder.baselines.contains { $0.rawValue == "\(system.name)" }
                    })
        }
        let again = try Ladder(settings(), streams: [.conversation]).run(threads: 1) {
            0
        } progress: { _ in
        }
        #expect(again.outcomes == result.outcomes, "threads do not matter")
        let report = LadderReport(result)
        for text in ["Mode on", "Mode off", "| B0 | 90 %"] { #expect(report.markdown.contains(text)) }
        #expect(report.html.hasPrefix("<!DOCTYPE html>"))
        #expect(report.pictures.count == 6)
        #expect(result.csv.split(separator: "\n").count == 1 + 2 * result.outcomes.flatMap(\.measures).count)
        let file = try JSONSerialization.jsonObject(with: Data(try result.json())) as? [String: Any]
        #expect((file?["summaries"] as? [Any])?.count == 2)
    }

    @Test func summariesAreGeometricMeansOverScenarios() throws {
        func figures(_ waiting: Double, _ total: Double, _ throughput: Double) throws -> LadderFigures {
            let json = """
                {"w_total": \(waiting), "w_total_p90": 0, "parts": [0, 0, 0, 0, 0], "ttft": 0, "tpot": 0, "e2e": \(total),
                 "throughput": \(throughput)}
                """
            return try JSONDecoder().decode(LadderFigures.self, from: Data(json.utf8))
        }
        func outcome(_ ours: Double, _ theirs: Double, capacity: Double, total: Double) throws -> LadderOutcome {
            LadderOutcome(
                scenario: LadderScenario(fleet: Builders.fleet(6), stream: "s", mode: .on, requests: 10),
                systems: [
                    LadderOutcome.System(name: "e2llm", planned: 1, capacity: capacity),
                    LadderOutcome.System(name: "b0", planned: 1, capacity: 1),
                    LadderOutcome.System(name: "b3", planned: 1, capacity: 2),
                ],
                measures: [
                    LadderMeasure(
                        baseline: "b3", share: 0.9, rate: 1.8, theirs: try figures(theirs, 10, 1),
                        ours: try figures(ours, total, 1))
                ])
        }
        let outcomes = [
            try outcome(1, 4, capacity: 2, total: 10.04), try outcome(0.001, 0.01, capacity: 8, total: 10.06),
        ]
        let summary = LadderSummary(mode: .on, outcomes, shares: [0.9])
        #expect(abs(try #require(summary.capacity) - 2) < 1e-12)
        #expect(summary.leastCapacity == 1)
        let beside = try #require(summary.beside.first { $0.baseline == "b3" })
        #expect(abs(try #require(beside.waiting) - 0.5) < 1e-12, "both sides count as 10 ms at least")
        #expect(beside.halved == 0.5)
        #expect(beside.sound == 0.5 && beside.quick == 0.5, "half a percent is allowed")
    }

    @Test func impossibleSettingsAreNamed() {
        var few = settings()
        few.requests = 1
        #expect(throws: ExperimentError.self) {
            _ = try Ladder(few).run {
                0
            } progress: { _ in
            }
        }
        var share = settings()
        share.shares = [-1]
        #expect(throws: ExperimentError.self) {
            _ = try Ladder(share).run {
                0
            } progress: { _ in
            }
        }
        var model = settings()
        model.models = ["no-such"]
        do {
            _ = try Ladder(model, streams: [.conversation]).run {
                0
            } progress: { _ in
            }
            Issue.record("a model that does not exist")
        } catch {
            #expect(error.code == .unknownModel)
            #expect(error.message.contains("no-such"))
        }
    }

    @Test func anAblationSwitchesEveryPartOff() throws {
        var few = settings(requests: 40)
        few.modes = [.off]
        let result = try Ablation(few, streams: [.code]).run(threads: 2) {
            0
        } progress: { _ in
        }
        let outcome = try #require(result.outcomes.first)
        #expect(outcome.scenario.mode == .on, "everything is on but one")
        #expect(Set(outcome.variants.map(\.part)).isSuperset(of: [.nothing, .streaming, .chunking, .routing]))
        let full = try #require(outcome.variants.first)
        #expect(full.part == .nothing)
        #expect(abs(outcome.rate - Ablation.share * full.capacity) < 1e-9)
        #expect(result.effects.map(\.part) == Array(AblationSwitch.allCases.dropFirst()))
        let report = AblationReport(result)
        #expect(report.markdown.contains("streaming of KV"))
        #expect(report.pictures.count == 3)
    }
}
