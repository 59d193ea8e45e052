import Experiments
import Testing

@Suite struct SummaryTests {
    // MARK: - Small fleets

    @Test func smallFleets() {
        let summary = SmallSummary([
            Builders.small(4, planner: 2, heuristic: 2, certificate: 2.2),
            Builders.small(5, planner: 2, heuristic: 1.99),
            Builders.small(7, planner: 1.9, heuristic: 1.5, proved: false),
            Builders.small(8, planner: 2, heuristic: 1.8),
            Builders.small(4, optimum: 0, planner: 0, heuristic: 0, proved: false),
        ])
        #expect(summary.count == 4 && summary.withoutPlan == 1)
        #expect(summary.plannerOptimal == 0.75 && summary.plannerWorst == 0.95 && summary.proved == 0.75)
        #expect(summary.heuristicOptimal == 0.25 && summary.heuristicWithinOnePercent == 0.5)
        #expect(summary.heuristicWorst == 0.75 && summary.contradictions == 0)
    }

    @Test func figuresThatContradictEachOther() {
        let sound = Builders.small(4, planner: 2, heuristic: 2, certificate: 2)
        let wrong = [
            Builders.small(4, planner: 2, heuristic: 2, certificate: 1.99),  // a bound below the optimum
            Builders.small(4, planner: 2.01, heuristic: 2),  // a plan above it
            Builders.small(4, planner: 2, heuristic: 2.01),
            Builders.small(4, planner: 1.99, heuristic: 2),  // proved, but not the best
            Builders.small(4, optimum: 0, planner: 0.1, heuristic: 0),  // a plan where there is none
        ]
        #expect(!sound.isContradiction)
        for outcome in wrong { #expect(outcome.isContradiction) }
        #expect(SmallSummary([sound] + wrong).contradictions == 5)
    }

    @Test func nothingSmall() {
        let summary = SmallSummary([])
        #expect(summary.count == 0 && summary.plannerOptimal == nil && summary.heuristicWorst == nil)
    }

    // MARK: - Fleets

    @Test func bestBaselineAndRatio() {
        let outcome = Builders.compared(8, planner: 3, bound: 3.3, baselines: [1, nil, 2, 1.5])
        #expect(outcome.bestBaseline?.name == "b2" && outcome.ratio == 1.5)
        #expect(abs((outcome.gap ?? 0) - 0.1) < 1e-12 && !outcome.contradictsBound)
        #expect(Builders.compared(8, planner: 3, baselines: [nil, nil]).ratio == nil)
        #expect(Builders.compared(8, planner: nil, baselines: [1]).ratio == 0)
        #expect(Builders.compared(8, planner: 3, bound: 3, baselines: [3.1]).contradictsBound)
    }

    @Test func fleetsOfAMode() throws {
        let outcomes = [
            Builders.compared(6, planner: 2, bound: 2, baselines: [1, nil]),
            Builders.compared(8, planner: 2, bound: 2.2, baselines: [nil, 4], seed: 8),
            Builders.compared(16, planner: 4, bound: 4.1, baselines: [1, 0.5]),
            Builders.compared(16, planner: 5, bound: 6, baselines: [nil, nil]),
            Builders.compared(24, planner: nil, baselines: [nil, nil]),
        ]
        let summary = FleetSummary(mode: .off, outcomes)
        #expect(summary.compared == 3 && summary.withoutBaseline == 1 && summary.withoutPlan == 1)
        // Ratios 2, 1/2 and 4.
        #expect(abs(try #require(summary.ratio) - 1.587_401_052) < 1e-9)
        #expect(abs(try #require(summary.smallRatio) - 1) < 1e-12)
        #expect(summary.worst == 0.5 && summary.worstFleet == Builders.fleet(8, seed: 8))
        #expect(abs(try #require(summary.belowBaseline) - 1.0 / 3) < 1e-12)
        // Gaps 0, 0.025, 0.1 and 0.2.
        #expect(abs(try #require(summary.medianGap) - 0.0625) < 1e-12)
        #expect(summary.contradictions == 1)
        #expect(summary.targets.map(\.isMet) == [false, false, false])
    }

    @Test func targets() {
        let good = [Builders.compared(8, planner: 1.2, bound: 1.25, baselines: [1])]
        #expect(FleetSummary(mode: .off, good).targets.map(\.isMet) == [true, true, true])
        #expect(FleetSummary(mode: .on, good).targets.map(\.isMet) == [true])
        #expect(FleetSummary(mode: .on, good).targets.map(\.limit) == [1.2])
        let less = [Builders.compared(8, mode: .on, planner: 1.19, baselines: [1])]
        #expect(FleetSummary(mode: .on, less).targets.map(\.isMet) == [false])
        #expect(FleetSummary(mode: .off, []).targets.map(\.isMet) == [nil, nil, nil])
    }
}
