import Domain
import Testing

@testable import Planning

/// Rules of the best ratio (b2), of Splitwise-strong (b3) and of no splitting (b0).
@Suite("Baseline b0, b2, b3") struct BaselineStrongTests {
    private typealias Fleets = BaselineFleets
    private let whole = 950_000_000

    /// Long prompts need more prefill groups, long outputs more decoders; equal devices, so the numbers can be checked.
    @Test(arguments: [(1500.0, 20.0), (500, 100), (50, 800)])
    func equalGroupsAreDividedBest(prompt: Double, output: Double) throws {
        let demand = PlanningDemand(rate: 1, promptTokens: prompt, outputTokens: output)
        let question = try Fleets.toy(
            Fleets.equal(6, "a", type: "a", flops: 2e12, memory: whole), demand: demand)
        let plan = try question.plan(.b2)
        let rating = GroupRating(instance: question.instance)
        let prefill = try #require(rating.prefill([0], [8])).rate
        let decode = try #require(rating.decode([0], [8])).rate
        let rates = (1...5).map { min(Double($0) * prefill, Double(6 - $0) * decode) }
        #expect(abs(plan.rate / (rates.max() ?? 0) - 1) < 1e-6)
    }

    /// Every number of prefill groups of every class, network included, by brute force.
    @Test func bestRatioIsExhaustive() throws {
        var checked = 0
        for seed in UInt64(0)..<24 {
            guard let question = try Fleets.generated(devices: 6 + Int(seed % 4) * 4, seed: seed),
                let plan = try? question.plan(.b2)
            else { continue }
            let types = DeviceTypes(question.instance, names: question.types)
            let neighbours = NeighbourGroups(question.instance, sites: question.sites)
            let groups = BaselineGroups(
                question.instance, types: types, neighbours: neighbours, rules: BaselineRules())
            let classes = GroupClasses(groups.literal)
            var routes = KVRoutes(question.instance)
            var best = 0.0
            var combinations: [[Int]] = [[]]
            for members in classes.members {
                combinations = combinations.flatMap { start in (0...members.count).map { start + [$0] } }
            }
            guard combinations.count <= 300 else { continue }
            for counts in combinations {
                best = max(best, PlacedGroups(classes.options(counts), question.instance, &routes).rate)
            }
            #expect(abs(plan.rate / best - 1) < 1e-6)
            checked += 1
        }
        #expect(checked >= 8)
    }

    /// More classes than can be enumerated: cuts take their place and lose little.
    @Test func manyClassesAreCut() throws {
        let devices = (1...14).map { number in
            let flops = Double(number * 7 % 15 + 1) * 3e11
            return Fleets.Device(
                id: DeviceID("d\(number < 10 ? "0" : "")\(number)"), type: nil, flops: flops, memory: whole,
                bandwidth: Double(number * 11 % 13 + 5) * 6e9)
        }
        let question = try Fleets.toy(devices)
        let exact = try question.plan(.b2)
        var rules = BaselineRules()
        rules.mostCombinations = 100
        let cut = try Baseline(.b2, rules: rules).plan(question.instance, types: [:], sites: [:])
        #expect(cut.rate <= exact.rate * (1 + 1e-9))
        #expect(cut.rate >= exact.rate * 0.9)
    }

    /// The third fast device and the slow one are left over; together they hold the model, and the fast one takes as much as
    /// it has room for.
    @Test func leftoversJoinAcrossTypes() throws {
        let question = try Fleets.toy(
            Fleets.equal(3, "fast", type: "fast", flops: 8e12, memory: 700_000_000)
                + Fleets.equal(1, "slow", type: "slow", flops: 1e12, memory: 700_000_000, bandwidth: 10e9))
        #expect(throws: PlanningError.self) { try question.plan(.b1) }
        let plan = try question.plan(.b3)
        #expect(plan.groups.count == 2)
        #expect(Set(plan.groups.map(\.role)) == [.prefill, .decode])
        let crossing = try #require(plan.groups.first { question.ids($0).contains("slow1") })
        #expect(Set(question.ids(crossing)) == ["fast3", "slow1"])
        let fast = try #require(question.ids(crossing).firstIndex(of: "fast3"))
        // Six layers with embedding or head leave room for 7,142 tokens; seven do not fit.
        #expect(crossing.layers[fast] == 6)
    }

    @Test func equalDevicesKeepTheEvenSplit() throws {
        let question = try Fleets.toy(Fleets.equal(8, "a", type: "a", flops: 2e12, memory: 480_000_000))
        let (ratio, strong) = (try question.plan(.b2), try question.plan(.b3))
        #expect(strong.groups.allSatisfy { $0.layers == [4, 4] })
        #expect(abs(strong.rate / ratio.rate - 1) < 1e-6)
    }

    @Test func colocatedIsMixedOnly() throws {
        let question = try Fleets.toy(
            Fleets.equal(3, "fast", type: "fast", flops: 8e12, memory: 700_000_000)
                + Fleets.equal(1, "slow", type: "slow", flops: 1e12, memory: 700_000_000, bandwidth: 10e9))
        let plan = try question.plan(.b0)
        #expect(plan.groups.map(\.role) == [.mixed, .mixed])
        #expect(abs(plan.rate - plan.groups.reduce(0) { $0 + $1.rate }) < 1e-12)
        #expect(plan.flows.isEmpty)
    }

    @Test func namesAreThoseOfTheCommandLine() {
        #expect(Baseline.Kind.allCases.map(\.rawValue) == ["b0", "b1", "b2", "b3", "hexgen2", "helix"])
        #expect(Baseline.Kind(rawValue: "b3")?.title == "Splitwise-strong")
    }
}
