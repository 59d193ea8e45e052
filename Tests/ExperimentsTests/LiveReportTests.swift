import Domain
import Simulation
import Testing

@testable import Experiments

@Suite("Live: results and reports") struct LiveReportTests {
    /// A run whose requests wait and take as given.
    private func record(wait: Double, own: Double, source: RunRecord.Source = .measured) -> RunRecord {
        var record = RunRecord(
            source: source, system: "x", model: "toy", rate: 2,
            requests: (0..<20).map { number in
                let arrival = Double(number) / 2
                var request = RequestTimes(
                    id: RequestID("r\(number)"), arrival: arrival, promptTokens: 10, outputTokens: 11)
                request.prefillStart = arrival + wait
                request.firstToken = arrival + wait + own / 2
                request.decodeStart = arrival + wait + own / 2
                request.end = arrival + wait + own
                request.outcome = .finished
                // The services do not report it; what a simulation says of it must not count.
                request.stall = source == .simulated ? 9 : 0
                return request
            })
        record.measure()
        return record
    }

    private func run(
        _ system: SimulatedSystem, seed: UInt64, wait: Double, own: Double = 1, others: Double = 0.02
    ) -> LiveResult.Run {
        let task = LiveTask(
            system: system, baseline: .b1, share: 0.9, rate: 2, seed: seed, requests: 20,
            name: "\(system.rawValue)/b1-at-90-seed-\(seed)")
        return LiveResult.Run(
            task, record(wait: wait, own: own), simulated: record(wait: wait * 1.1, own: own, source: .simulated),
            machine: MachineUse(others: others, steal: 0, load: 1))
    }

    private func result(_ runs: [LiveResult.Run]) -> LiveResult {
        var settings = LiveSettings(.quick)
        settings.systems = [.b1, .b2, .e2llm]
        settings.seeds = [1, 2]
        var systems = settings.systems.map { LiveResult.System($0) }
        systems[0].capacity = 2
        systems[0].simulatedCapacity = 2.5
        systems[1].problem = "two groups are needed"
        return LiveResult(
            settings: settings, devices: ["a: half a processor"], model: "toy", machine: "here", systems: systems,
            runs: runs)
    }

    @Test func aTargetThatIsReached() throws {
        let result = result([
            run(.b1, seed: 1, wait: 1), run(.b1, seed: 2, wait: 2), run(.e2llm, seed: 1, wait: 0.2),
            run(.e2llm, seed: 2, wait: 0.8),
        ])
        let comparison = try #require(result.comparisons.first)
        #expect(result.comparisons.count == 1 && comparison.seeds == [1, 2] && comparison.isReached)
        #expect((comparison.waiting.low - 0.2).magnitude < 1e-9 && (comparison.waiting.high - 0.4).magnitude < 1e-9)
        #expect((comparison.waiting.mean - 0.08.squareRoot()).magnitude < 1e-9)
        #expect(comparison.simulated.map { ($0.mean - 0.08.squareRoot()).magnitude < 1e-9 } == true, "without stalls")
        let text = LiveReport(result).markdown
        #expect(text.contains("* b1 at 90 % of its capacity: reached, waiting 0.200 to 0.400 of theirs over 2 seeds"))
        #expect(text.contains("* b2: not measured, two groups are needed"))
        #expect(text.contains("| b1 | - | 2 | 2.5 | 1.25 |"))
        #expect(text.contains("* a: half a processor"))
        #expect(LiveReport(result).pictures.map(\.name) == ["capacity", "waiting", "parts"])
        #expect(result.csv.split(separator: "\n").count == 1 + 2 * 4)
    }

    @Test func reasonsWhyATargetIsNotReached() throws {
        let result = result([run(.b1, seed: 1, wait: 1), run(.e2llm, seed: 1, wait: 0.9, own: 1.5)])
        let text = LiveReport(result).markdown
        #expect(
            text.contains("NOT reached, waiting is 0.900 of theirs; e2e is 1.200 of theirs; throughput is"))
    }

    /// Half of the waiting bought with slower answers is no success.
    @Test func waitingAloneIsNotEnough() {
        let result = result([run(.b1, seed: 1, wait: 1), run(.e2llm, seed: 1, wait: 0.1, own: 2.5)])
        #expect(result.comparisons.map(\.isHalved) == [true] && result.comparisons.map(\.isReached) == [false])
    }

    @Test func disturbedAndUnfinishedRunsAreNotJudged() throws {
        let disturbed = result([
            run(.b1, seed: 1, wait: 1, others: 0.2), run(.e2llm, seed: 1, wait: 0.1), run(.b1, seed: 2, wait: 1),
            run(.e2llm, seed: 2, wait: 0.3),
        ])
        let comparison = try #require(disturbed.comparisons.first)
        #expect(comparison.seeds == [2] && comparison.disturbed == 1)
        var unfinished = run(.b1, seed: 1, wait: 1)
        unfinished.finished -= 1
        let none = result([unfinished, run(.e2llm, seed: 1, wait: 0.1)])
        #expect(none.comparisons.isEmpty)
        #expect(LiveReport(none).markdown.contains("no pair of runs that may be judged yet"))
    }

    @Test func errorsOfAValidation() throws {
        let run = ValidationRun(
            setting: "split", share: 0.5, real: record(wait: 1, own: 1),
            simulated: record(wait: 1.2, own: 1, source: .simulated),
            machine: MachineUse(others: 0.01, steal: 0.02, load: 0.5))
        func measure(_ name: String) throws -> ValidationRun.Measure {
            try #require(run.measures.first { $0.name == name })
        }
        #expect(try (measure("w_total").error ?? 0) - 0.2 < 1e-9)
        #expect((try measure("e2e").error.map { ($0 - 0.1).magnitude < 1e-9 }) == true)
        #expect((try measure("e2e").meanAbsoluteError.map { ($0 - 0.1).magnitude < 1e-9 }) == true)
        #expect(try measure("t_kv").error == nil, "nothing was sent")
        #expect((try measure("tpot").meanError.map(\.magnitude)).map { $0 < 1e-9 } == true)
        var loud = run
        loud.machine = MachineUse(others: 0.3, steal: 0, load: 3)
        let result = ValidationResult(
            size: ValidationSize(.quick), settings: ValidationSetting.all, model: "toy", machine: "here",
            runs: [run, loud], problems: ["mixed": "no plan"])
        #expect(result.meanError("e2e").map { ($0 - 0.1).magnitude < 1e-9 } == true, "only of the quiet run")
        let text = ValidationReport(result).markdown
        #expect(text.contains("| e2e | 10.0 % | 1 of 1 |") && text.contains("NOT measured: no plan"))
        #expect(text.contains("| 30.0 % | 0.0 % | 3.00 | no |"))
        #expect(result.csv.split(separator: "\n").count == 1 + 2 * 9)
    }

    @Test func settingsByName() throws {
        #expect(ValidationSetting.all.count >= 6)
        #expect(try ValidationSetting.named(["link-20", "split"]).map(\.name) == ["split", "link-20"])
        let error = try #require(throws: ExperimentError.self) { try ValidationSetting.named(["link-5"]) }
        #expect(error.message.contains("link-5") && error.message.contains("two-equal"))
        for setting in ValidationSetting.all {
            let shares = setting.devices.reduce(0) { $0 + $1.processors }
            #expect(LiveDevice.problem(shares: shares, processors: 2) == nil, "\(setting.name)")
        }
        #expect(LiveDevice.problem(shares: 2.2, processors: 2)?.contains("2.2") == true)
    }
}
