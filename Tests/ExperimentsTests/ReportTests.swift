import Experiments
import Foundation
import Testing

@Suite struct ReportTests {
    static let result = PlannerSuiteResult(
        settings: PlannerSuiteSettings(.quick, seed: 3),
        small: [
            Builders.small(4, planner: 2, heuristic: 2, certificate: 2.2),
            Builders.small(8, planner: 2, heuristic: 1.5, seed: 11),
        ],
        fleets: [
            Builders.compared(8, planner: 2.4, bound: 2.5, baselines: [2, nil, 1, 1]),
            Builders.compared(8, planner: 0.9, bound: 0.9, baselines: [1, nil, nil, nil], seed: 12),
            Builders.compared(64, mode: .on, planner: 3, bound: 3.3, baselines: [2, nil, 1, 1]),
        ], seconds: 12)

    @Test func saysWhatWasFound() {
        let text = PlannerSuiteReport(Self.result).markdown
        for line in [
            "# Quality of the default planner",
            "## Small fleets beside the optimum",
            "2 fleets with a plan, 0 without any.",
            "| planner | 100.0 % | 100.0 % | 1.0000 | 100.0 % |",
            "| heuristic search alone | 50.0 % | 50.0 % | 0.7500 | - |",
            "No figure contradicts another one.",
            "* 8 devices, seed 11, llama-3-8b-q4, off: heuristic 0.7500, planner 1.0000 of the optimum",
            "## Generated fleets beside the baselines, off",
            "2 fleets compared with the best baseline, 0 without any baseline, 0 without a plan of the planner.",
            "| ratio, up to 8 devices | 1.039 | >= 1.150 | no |",
            "| worst ratio | 0.900 | >= 0.980 | no |",
            "| median gap to the bound | 2.1 % | <= 5.0 % | yes |",
            "* 8 devices, seed 12, llama-3-8b-q4: 0.9000 of b0; **the baseline is above the bound for all plans**",
            "| 8 | 7 | llama-3-8b-q4 | 8 devices of 2 types, wired | 2.4 | 2 | - | 1 | 1 | - | - | 1.200 | 2.5 | 4.2 % | 0.0 |",
            "* 4 x one group",
            "## Generated fleets beside the baselines, on",
            "| ratio, all fleets | 1.500 | >= 1.200 | yes |",
            "The planner is below the best baseline nowhere.",
        ] {
            let isThere = text.split(separator: "\n").contains { $0 == line }
            #expect(isThere, "\(line)")
        }
    }

    @Test func namesContradictions() {
        var result = Self.result
        result.small = [Builders.small(5, planner: 2, heuristic: 2, certificate: 1.5)]
        let text = PlannerSuiteReport(result).markdown
        #expect(!text.contains("No figure contradicts another one."))
        #expect(
            text.contains(
                "* 5 devices, seed 7, llama-3-8b-q4, off: optimum 2, planner 2 (proved), heuristic 2, bound 1.5"))
    }

    @Test func partsWithoutOutcomesAreLeftOut() {
        let text = PlannerSuiteReport(PlannerSuiteResult(settings: PlannerSuiteSettings())).markdown
        #expect(!text.contains("## "))
    }

    @Test func jsonHasValuesAndSummaries() throws {
        let bytes = try Self.result.json()
        #expect(try JSONDecoder().decode(PlannerSuiteResult.self, from: Data(bytes)) == Self.result)
        let text = String(decoding: bytes, as: UTF8.self)
        for key in ["summary", "heuristic_within_1_percent", "median_gap", "at_least", "is_met", "planner_rate"] {
            #expect(text.contains("\"\(key)\""), "\(key)")
        }
    }
}
