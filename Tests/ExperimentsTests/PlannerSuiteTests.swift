import Experiments
import Testing

@Suite struct PlannerSuiteTests {
    /// A clock that moves by a second whenever it is read, so that the times are known, too.
    final class Clock {
        var now = 0.0
        func seconds() -> Double {
            now += 1
            return now
        }
    }

    static var settings: PlannerSuiteSettings {
        var settings = PlannerSuiteSettings(.quick, seed: 5)
        settings.models = ["llama-2-7b-q4", "llama-3-8b-q4"]
        settings.smallDevices = [4, 5, 7]
        settings.smallCount = 12
        settings.fleets = [.init(devices: 6, count: 1), .init(devices: 8, count: 1)]
        return settings
    }

    private func run(_ settings: PlannerSuiteSettings) throws -> PlannerSuiteResult {
        let clock = Clock()
        return try PlannerSuite(settings).run(seconds: clock.seconds)
    }

    @Test func smallSuite() throws {
        let result = try run(Self.settings)
        #expect(result.small.count == 12 && result.fleets.count == 8)
        #expect(result.small.map(\.fleet.devices) == Array([[4, 5, 7], [4, 5, 7], [4, 5, 7], [4, 5, 7]].joined()))
        #expect(Set(result.small.map(\.mode)) == [.off, .on])
        #expect(Set(result.small.map(\.fleet.model)) == Set(Self.settings.models))
        for outcome in result.small {
            #expect(outcome.reference == (outcome.fleet.devices <= 6 ? .enumeration : .exactSearch))
            #expect(!outcome.isContradiction, "\(outcome)")
            #expect(outcome.seconds.planner == 1 && outcome.seconds.heuristic == 1)
        }
        // Every partition with roles was tried: the planner's exact search must find as much.
        let enumerated = result.small.filter { $0.reference == .enumeration && $0.hasPlan }
        #expect(!enumerated.isEmpty)
        for outcome in enumerated { #expect(abs(outcome.plannerShare - 1) < 1e-4, "\(outcome)") }
        for outcome in result.fleets {
            #expect(outcome.baselines.map(\.name) == ["b0", "b1", "b2", "b3", "hexgen2", "helix"])
            let rate = try #require(outcome.planner.rate)
            let bound = try #require(outcome.upperBound)
            #expect(rate <= bound * (1 + 1e-9))
            if let best = outcome.bestBaseline?.rate { #expect(abs(outcome.demandRate - 0.9 * best) < 1e-9 * best) }
            for plan in outcome.baselines { #expect((plan.rate == nil) != (plan.problem == nil)) }
        }
        #expect(result.fleets.contains { $0.bestBaseline != nil })
    }

    @Test func sameSettingsSameResult() throws {
        var settings = Self.settings
        settings.smallCount = 6
        settings.fleets = [.init(devices: 6, count: 1)]
        let first = try run(settings)
        #expect(try run(settings) == first)
        settings.seed = 6
        let other = try run(settings)
        #expect(other.small.map(\.fleet.seed) != first.small.map(\.fleet.seed))
    }

    @Test func reportsProgress() throws {
        var settings = Self.settings
        settings.smallCount = 2
        settings.fleets = [.init(devices: 6, count: 1)]
        let suite = PlannerSuite(settings)
        var seen: [PlannerSuite.Progress] = []
        let result = try suite.run(seconds: { 0 }) { seen.append($0) }
        #expect(suite.comparisons == 6 && seen.map(\.done) == Array(1...6))
        #expect(seen.allSatisfy { $0.total == 6 })
        #expect(seen.last?.last == "\(result.fleets[3].fleet.label), on")
        #expect(result.seconds == 0)
    }

    @Test func preparedSizes() {
        let counts = PlannerSuiteSettings.Size.allCases.map { PlannerSuite(PlannerSuiteSettings($0)).comparisons }
        #expect(counts == counts.sorted() && counts[0] < 60)
        #expect(PlannerSuiteSettings().smallCount >= 200)
        #expect(PlannerSuiteSettings().fleets.map(\.devices) == [6, 8, 10, 12, 16, 24, 32, 48, 64])
        #expect(PlannerSuiteSettings().models.count == 3)
    }

    struct Refusal: Sendable {
        var code: ExperimentError.Code
        var change: @Sendable (inout PlannerSuiteSettings) -> Void

        init(_ code: ExperimentError.Code, _ change: @escaping @Sendable (inout PlannerSuiteSettings) -> Void) {
            self.code = code
            self.change = change
        }
    }

    @Test(arguments: [
        Refusal(.unknownModel) { $0.models = ["llama-4"] }, Refusal(.invalidSettings) { $0.models = [] },
        Refusal(.invalidSettings) { $0.smallCount = -1 }, Refusal(.invalidSettings) { $0.smallDevices = [] },
        Refusal(.invalidSettings) { $0.smallDevices = [10] },
        Refusal(.invalidSettings) { $0.fleets = [.init(devices: 1, count: 1)] },
        Refusal(.invalidSettings) { $0.fleets = [.init(devices: 8, count: -1)] },
        Refusal(.invalidSettings) { $0.rateShare = 0 },
        Refusal(.invalidSettings) { $0.rateShare = .nan },
    ])
    func refuses(_ refusal: Refusal) {
        var settings = Self.settings
        refusal.change(&settings)
        let error = #expect(throws: ExperimentError.self) { try PlannerSuite(settings).run(seconds: { 0 }) }
        #expect(error?.code == refusal.code)
    }
}
