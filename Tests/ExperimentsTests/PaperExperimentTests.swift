import CostModel
import Domain
import Foundation
import Simulation
import Testing

@testable import Experiments

@Suite("The paper's table") struct PaperExperimentTests {
    /// Twelve requests a cell, one interval.
    static var settings: PaperSettings {
        var settings = PaperSettings(requests: 12, seed: 2)
        settings.slowdowns = [3]
        settings.intervals = [1]
        settings.hasVariations = false
        settings.hasCapacities = false
        return settings
    }

    @Test func everySystemInEveryCell() throws {
        var seen: [PaperExperiment.Progress] = []
        let experiment = PaperExperiment(Self.settings)
        let result = try experiment.run(seconds: { 0 }) { seen.append($0) }
        #expect(experiment.runs == 6 && seen.map(\.done) == Array(1...6))
        #expect(result.outcomes.map(\.system) == PaperExperiment.systems + PaperExperiment.systems)
        #expect(result.outcomes.prefix(3).allSatisfy { $0.workload == .extended })
        #expect(result.outcomes.dropFirst(3).allSatisfy { $0.workload == .customExtended })
        for outcome in result.outcomes {
            let figures = try #require(outcome.figures, "\(outcome)")
            let summary = figures.summary
            #expect(summary.finished == 12 && summary.requests == 12)
            let parts =
                summary.prefillWait.mean + summary.memoryWait.mean + summary.transfer.mean + summary.decodeWait.mean
                + summary.stall.mean
            #expect((summary.waiting.mean - parts).magnitude < 1e-9)
            #expect(figures.decodeConcurrency > 0 && figures.meanConcurrency > 0)
            #expect(figures.prefillSpeed.mean > 0 && figures.decodeSpeed.mean > 0)
        }
        // Plans that keep the minimum speed, run at no more than their concurrency, keep it.
        for outcome in result.outcomes where outcome.system.hasPaperPlanner {
            #expect(outcome.figures?.fastEnough ?? 0 > 0.9, "\(outcome)")
        }
        #expect(try PaperExperiment(Self.settings).run(seconds: { 0 }) == result)
    }

    @Test func adaptedSplitwisePrefillsOnTheFastest() throws {
        /// The slowest prefill replica and the fastest decoder replica, in prompts per second.
        func speeds(_ system: SimulatedSystem) throws -> (prefill: Double, decode: Double) {
            let workload = PaperWorkload.extended
            let fleet = try PaperFleet.fleet(workload, slowdown: 2.5)
            let traffic = try workload.traffic(interval: 1, count: 12, seed: 1)
            var conditions = SystemConditions()
            conditions.streams = false
            conditions.minimumTokensPerSecond = 15
            let plan = try system.plan(fleet, workload.demand(traffic), conditions).plan
            func rates(_ role: ReplicaRole) -> [Double] {
                plan.replicas.filter { $0.role == role }.compactMap {
                    fleet.cost.prefillEstimate($0.stages, tokens: 576).map { 1 / $0.cycleSeconds }
                }
            }
            return (try #require(rates(.prefill).min()), try #require(rates(.decode).max()))
        }
        let adapted = try speeds(.splitwiseAdapted)
        #expect(adapted.prefill >= adapted.decode)
        // Left to itself the paper's planner does otherwise, so the rule decides something.
        let free = try speeds(.paper)
        #expect(free.prefill < free.decode)
    }

    @Test func reportComparesWithThePaper() throws {
        var settings = Self.settings
        settings.hasVariations = true
        settings.requests = 2
        let result = try PaperExperiment(settings).run(seconds: { 0 })
        #expect(result.variations.count == PaperVariations(settings).all.count)
        let text = PaperReport(result).markdown
        for line in [
            "# The paper's table", "## Slowdown 3.0", "Mean seconds of waiting:", "All measures:",
            "## What the choices decide", "## How close, and why not closer",
        ] {
            #expect(text.split(separator: "\n").contains { $0 == line }, "\(line)")
        }
        let cell = try #require(text.split(separator: "\n").first { $0.hasPrefix("| extended | 1.0 s | 56.1 | ") })
        #expect(cell.contains(" | 155.9 | ") && cell.contains(" | 64.0 % | "))
        #expect(text.contains("| custom extended | 1.0 s | 130.8 | "))
        let totals = "| workload | every | `paper` e2e | requests/s | `splitwise-adapted` e2e | requests/s | "
        #expect(text.contains(totals + "`e2llm` e2e | requests/s |\n"))
        let csv = result.csv.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        #expect(csv.count == 7 && Set(csv.map(\.count)) == [61])
        #expect(csv[1].prefix(7) == ["3.0", "extended", "1.0", "paper", "2", "2", "56.1"])
        #expect(csv[3].prefix(7) == ["3.0", "extended", "1.0", "e2llm", "2", "2", ""])
        #expect(try JSONDecoder().decode(PaperResult.self, from: Data(result.json())) == result)
    }

    @Test func aSystemWithoutAPlanIsNamed() {
        let outcome = PaperOutcome(
            workload: .extended, interval: 1, slowdown: 1, requests: 5, system: .paper, problem: "no room")
        var settings = PaperSettings()
        settings.slowdowns = [1]
        let result = PaperResult(settings: settings, outcomes: [outcome])
        #expect(PaperReport(result).markdown.contains("| extended | 1.0 s | `paper` | no room | - | "))
        #expect(PaperCloseness.ratios(result.outcomes, .paper).isEmpty)
        #expect(result.csv.split(separator: "\n")[1].hasPrefix("1.0,extended,1.0,paper,5,,56.1,,"))
    }

    @Test func closenessIsARatioToThePaper() throws {
        var run = RunRecord(source: .simulated, system: "paper", rate: 1)
        var request = RequestTimes(id: "1", arrival: 0, promptTokens: 10, outputTokens: 1)
        request.outcome = .finished
        request.prefillStart = 112.2
        request.firstToken = 113
        request.end = 113
        run.requests = [request]
        var outcome = PaperOutcome(workload: .extended, interval: 1, slowdown: 1, requests: 1, system: .paper)
        outcome.figures = PaperOutcome.Figures(run, minimumSpeed: 15)
        // Twice the paper's 56.1 s; at 3 s the paper hardly waits, so that cell does not count.
        let ratios = PaperCloseness.ratios([outcome], .paper)
        #expect(ratios.count == 1 && (ratios[0] - 2).magnitude < 1e-9)
        outcome.interval = 3
        #expect(PaperCloseness.ratios([outcome], .paper).isEmpty)
    }

    struct Refusal: Sendable {
        var text: String
        var change: @Sendable (inout PaperSettings) -> Void
    }

    @Test(arguments: [
        Refusal(text: "requests") { $0.requests = 1 }, Refusal(text: "slowdowns") { $0.slowdowns = [] },
        Refusal(text: "slowdowns") { $0.slowdowns = [.nan] }, Refusal(text: "intervals") { $0.intervals = [] },
        Refusal(text: "intervals") { $0.intervals = [1, 0] },
    ])
    func refuses(_ refusal: Refusal) {
        var settings = Self.settings
        refusal.change(&settings)
        let error = #expect(throws: ExperimentError.self) { try PaperExperiment(settings).run(seconds: { 0 }) }
        #expect(error?.code == .invalidSettings && error?.message.hasPrefix(refusal.text) == true)
    }
}
