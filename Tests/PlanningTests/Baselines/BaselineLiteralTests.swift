import Domain
import Testing

@testable import Planning

/// Rules of the literal Splitwise (b1).
@Suite("Baseline b1") struct BaselineLiteralTests {
    private typealias Fleets = BaselineFleets
    private let half = 500_000_000
    private let whole = 950_000_000

    @Test func evenSplitGivesTheRemainderToTheFirstStages() {
        #expect(EvenSplit.layers(8, stages: 2) == [4, 4])
        #expect(EvenSplit.layers(8, stages: 3) == [3, 3, 2])
        #expect(EvenSplit.layers(32, stages: 5) == [7, 7, 6, 6, 6])
    }

    @Test func theFasterTypePrefills() throws {
        let question = try Fleets.toy(
            Fleets.equal(4, "slow", type: "slow", flops: 1e12, memory: half)
                + Fleets.equal(4, "fast", type: "fast", flops: 8e12, memory: half))
        let plan = try question.plan(.b1)
        let names = ["fast1+fast2", "fast3+fast4", "slow1+slow2", "slow3+slow4"]
        #expect(plan.groups.map { question.ids($0).joined(separator: "+") } == names)
        #expect(plan.groups.map(\.role) == [.prefill, .prefill, .decode, .decode])
        #expect(plan.groups.allSatisfy { $0.layers == [4, 4] })
    }

    /// Whole types join until the pool holds half: one of six, then four of six.
    @Test func typesJoinUntilThePoolHoldsHalf() throws {
        let question = try Fleets.toy(
            Fleets.equal(1, "a", type: "a", flops: 9e12, memory: whole)
                + Fleets.equal(3, "b", type: "b", flops: 5e12, memory: whole)
                + Fleets.equal(2, "c", type: "c", flops: 1e12, memory: whole))
        let plan = try question.plan(.b1)
        #expect(plan.groups.map(\.role) == [.prefill, .prefill, .prefill, .prefill, .decode, .decode])
    }

    @Test func theSlowestTypeAlwaysDecodes() throws {
        let question = try Fleets.toy(
            Fleets.equal(1, "a", type: "a", flops: 9e12, memory: whole)
                + Fleets.equal(5, "b", type: "b", flops: 1e12, memory: whole))
        #expect(try question.plan(.b1).groups.map(\.role) == [.prefill] + [ReplicaRole](repeating: .decode, count: 5))
    }

    @Test(arguments: [(2, 1), (3, 2), (4, 2), (5, 3)])
    func oneTypeIsHalved(count: Int, prefill: Int) throws {
        let question = try Fleets.toy(Fleets.equal(count, "a", type: "a", flops: 2e12, memory: whole))
        #expect(try question.plan(.b1).groups.filter { $0.role == .prefill }.count == prefill)
    }

    @Test func leftoversStayIdle() throws {
        let question = try Fleets.toy(Fleets.equal(5, "a", type: "a", flops: 2e12, memory: half))
        let plan = try question.plan(.b1)
        #expect(plan.groups.map(question.ids) == [["a1", "a2"], ["a3", "a4"]])
    }

    @Test func neighboursComeFirst() throws {
        let pairs = [("a1", "a2"), ("a1", "a3"), ("a2", "a4"), ("a3", "a4")].map { ($0.0, $0.1, 1e7) }
        let question = try Fleets.toy(Fleets.equal(4, "a", type: "a", flops: 2e12, memory: half), links: pairs)
        #expect(try question.plan(.b1).groups.map(question.ids) == [["a1", "a4"], ["a2", "a3"]])
    }

    @Test func equallyNearDevicesOfOneSiteComeFirst() throws {
        var question = try Fleets.toy(Fleets.equal(4, "a", type: "a", flops: 2e12, memory: half))
        question.sites = ["a1": "x", "a2": "y", "a3": "x", "a4": "y"]
        #expect(try question.plan(.b1).groups.map(question.ids) == [["a1", "a3"], ["a2", "a4"]])
    }

    /// 4,096 tokens of KV count: 466.384 MB are needed for half of the model.
    @Test func groupsHaveRoomForTheirKV() throws {
        let tight = try Fleets.toy(Fleets.equal(6, "a", type: "a", flops: 2e12, memory: 466_383_999))
        #expect(try tight.plan(.b1).groups.map(\.layers) == [[3, 3, 2], [3, 3, 2]])
        let enough = try Fleets.toy(Fleets.equal(6, "a", type: "a", flops: 2e12, memory: 466_384_000))
        #expect(try enough.plan(.b1).groups.map(\.layers) == [[4, 4], [4, 4], [4, 4]])
    }

    /// The remainder goes to the first stages, and only one device has room for three layers and the embedding.
    @Test func aGroupTriesItsEnds() throws {
        let devices = [("a1", 330_000_000), ("a2", 330_000_000), ("a3", 370_000_000)].flatMap { name, memory in
            ["x", "y"].map { Fleets.Device(id: DeviceID(name + $0), type: $0, flops: 2e12, memory: memory) }
        }
        let question = try Fleets.toy(devices)
        let plan = try question.plan(.b1)
        #expect(plan.groups.count == 2)
        for group in plan.groups {
            #expect(question.ids(group)[0].hasPrefix("a3"))
            #expect(group.layers == [3, 3, 2])
        }
    }

    @Test func fleetsWithoutGroupsOfOneTypeHaveNoPlan() throws {
        let question = try Fleets.toy([
            Fleets.Device(id: "a", type: "x", flops: 2e12, memory: half),
            Fleets.Device(id: "b", type: "y", flops: 2e12, memory: half),
        ])
        for kind in [Baseline.Kind.b1, .b2, .b3] {
            let error = #expect(throws: PlanningError.self) { try question.plan(kind) }
            #expect(error?.code == .noPlan)
            #expect(error?.message.contains(kind == .b3 ? "1 groups" : "no group of one type at all") == true)
        }
        let plan = try question.plan(.b0)
        #expect(plan.groups.map(\.role) == [.mixed])
    }

    @Test func oneGroupIsNoPlan() throws {
        let question = try Fleets.toy(Fleets.equal(3, "a", type: "a", flops: 2e12, memory: half))
        let error = #expect(throws: PlanningError.self) { try question.plan(.b1) }
        #expect(error?.message.contains("only one group") == true)
    }

    @Test func devicesWithoutTypeAreTypesOfTheirOwn() throws {
        let halves = try Fleets.toy(Fleets.equal(4, "a", type: nil, flops: 2e12, memory: half))
        #expect(throws: PlanningError.self) { try halves.plan(.b1) }
        #expect(try halves.plan(.b3).groups.count == 2)
        let wholes = try Fleets.toy(Fleets.equal(4, "a", type: nil, flops: 2e12, memory: whole))
        #expect(try wholes.plan(.b1).groups.count == 4)
    }
}
