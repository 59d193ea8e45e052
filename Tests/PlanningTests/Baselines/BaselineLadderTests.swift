import CostModel
import Domain
import Testing

@testable import Planning

/// All baselines on generated fleets.
@Suite("Baseline ladder") struct BaselineLadderTests {
    @Test func everyRungSustainsAtLeastTheOneBelow() throws {
        var (fleets, complete) = (0, 0)
        var seed: UInt64 = 100
        while fleets < 30 {
            defer { seed += 1 }
            let devices = [6, 8, 12, 16, 24, 32][fleets % 6]
            guard let question = try BaselineFleets.generated(devices: devices, seed: seed) else { continue }
            fleets += 1
            let plans = Baseline.Kind.byRules.map { kind in (kind: kind, plan: try? question.plan(kind)) }
            for (kind, plan) in plans {
                if let plan { check(plan, kind, question.instance) }
            }
            let rates = plans.map { $0.plan?.rate }
            if let literal = rates[1] {
                let ratio = try #require(rates[2])
                #expect(literal <= ratio * (1 + 1e-9))
            }
            if let ratio = rates[2] {
                let strong = try #require(rates[3])
                #expect(ratio <= strong * (1 + 1e-9))
                complete += 1
            }
        }
        #expect(complete >= 15)
    }

    @Test(arguments: Baseline.Kind.allCases)
    func theSameQuestionHasTheSameAnswer(kind: Baseline.Kind) throws {
        let question = try #require(try BaselineFleets.generated(devices: 20, seed: 7))
        let first = try? question.plan(kind).groups
        for _ in 0..<3 {
            let again = try? question.plan(kind).groups
            #expect(again == first)
        }
    }

    private func check(_ plan: PlacedGroups, _ kind: Baseline.Kind, _ instance: PlanningInstance) {
        var used: Set<Int> = []
        #expect(plan.rate > 0 && plan.rate.isFinite)
        for group in plan.groups {
            for device in group.order { #expect(used.insert(device).inserted) }
            #expect(group.order.count == group.layers.count)
            #expect(group.layers.reduce(0, +) == instance.layers && group.layers.allSatisfy { $0 > 0 })
            let tokens =
                group.role == .prefill ? instance.prefillTokens : instance.decodeTokens[max(1, group.concurrency)]
            for (place, layers) in group.layers.enumerated() {
                let (first, last) = (place == 0, place == group.order.count - 1)
                #expect(layers <= instance.capacity(group.order[place], tokens: tokens, first: first, last: last))
            }
            #expect(group.rate > 0 && group.rate.isFinite)
            #expect((group.role == .mixed) == (kind == .b0))
            if kind == .b1 || kind == .b2 {
                #expect(group.layers == EvenSplit.layers(instance.layers, stages: group.order.count))
            }
        }
    }
}
