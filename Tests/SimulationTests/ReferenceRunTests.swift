import CostModel
import Domain
import Testing

@testable import Simulation

/// The reference behaviour against times computed by hand from the cost model.
@Suite("Reference behaviour") struct ReferenceRunTests {
    private typealias Fleets = SampleFleets

    private static func isNear(_ left: Double?, _ right: Double) -> Bool {
        left.map { ($0 - right).magnitude < 1e-9 * max(1, right.magnitude) } == true
    }

    /// One prompt after the other on two stages, KV after prefill over one link, decoding together.
    @Test func splitGroupsFollowTheDescription() throws {
        let cost = try Fleets.cost(["p1", "p2", "d"])
        let plan = Fleets.plan([
            Fleets.replica("p", .prefill, ["p1", "p2"], cost), Fleets.replica("d", .decode, ["d"], cost),
        ])
        let traffic = Fleets.traffic([(0, 400, 3), (0, 400, 2)])
        let record = try ReferenceServices().run(traffic, plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        let prompt = try #require(cost.prefillEstimate(plan.replicas[0].stages, tokens: 400))
        let (one, two) = (record.requests[0], record.requests[1])
        #expect(one.prefillStart == 0 && Self.isNear(one.firstToken, prompt.latencySeconds))
        #expect(Self.isNear(two.prefillStart, prompt.cycleSeconds))
        #expect(Self.isNear(two.firstToken, prompt.cycleSeconds + prompt.latencySeconds))
        // The ways out of two devices into one: its port carries 400 tokens of 8 layers.
        let kv = 400 * 8 * 1000 / 1e8 + 0.001
        #expect(Self.isNear(one.transfer, kv) && Self.isNear(one.memoryWait, 0))
        #expect(Self.isNear(one.kvComplete, prompt.latencySeconds + kv))
        let step = { (sequences: Int, context: Int) in
            cost.decodeEstimate(plan.replicas[1].stages, concurrency: sequences, contextTokens: context)?
                .tokenGapSeconds ?? .nan
        }
        #expect(Self.isNear(one.decodeStart, prompt.latencySeconds + kv))
        // The second one joins at a boundary, or comes when the first one is done.
        let first = step(1, 401)
        let firstEnd = (one.decodeStart ?? 0) + first + step(1, 402)
        #expect(Self.isNear(one.end, firstEnd))
        let arrival = prompt.cycleSeconds + prompt.latencySeconds + kv
        #expect(arrival > firstEnd, "the numbers of this test")
        #expect(Self.isNear(two.end, arrival + step(1, 401)))
    }

    /// Room for one request at a time: the second one's transfer waits until the first one ends.
    @Test func transfersWaitForMemory() throws {
        // 900 MB of weights and 8 kB a token: 1,000 tokens.
        var cost = try Fleets.cost(["p"])
        cost = try FleetCost(
            model: Fleets.model,
            devices: cost.devices + [
                CostedDevice(id: "d", memoryBytes: 908_000_000, cost: cost.devices[0].cost)
            ], network: cost.network)
        let plan = Fleets.plan([
            Fleets.replica("p", .prefill, ["p"], cost), Fleets.replica("d", .decode, ["d"], cost),
        ])
        #expect(plan.replicas[1].kvCapacityTokens == 1000)
        let record = try ReferenceServices().run(
            Fleets.traffic([(0, 400, 200), (0, 400, 200), (0, 900, 200)]), plan: plan, cost: cost)
        #expect(record.requests[2].outcome == .refused, "longer than any decoder can hold")
        let (one, two) = (record.requests[0], record.requests[1])
        #expect(one.outcome == .finished && two.outcome == .finished)
        #expect(two.kvStart == one.end && (two.memoryWait ?? 0) > 0)
    }

    /// A prompt stalls the sequences of its mixed group for the time until the next one may follow.
    @Test func promptsStallMixedGroups() throws {
        let cost = try Fleets.cost(["m"])
        let plan = Fleets.plan([Fleets.replica("m", .mixed, ["m"], cost)])
        let record = try ReferenceServices().run(
            Fleets.traffic([(0, 300, 50), (1, 300, 1)]), plan: plan, cost: cost)
        #expect(Fleets.problem(record) == nil)
        let prompt = try #require(cost.prefillEstimate(plan.replicas[0].stages, tokens: 300))
        #expect(record.requests[0].kvStart == nil && record.requests[0].transfer == 0)
        #expect(Self.isNear(record.requests[0].stall, prompt.cycleSeconds))
        #expect((record.requests[1].prefillWait ?? 1) < 0.03, "it goes before the next step")
        #expect(record.requests[1].end == record.requests[1].firstToken)
    }

    @Test func streamingHidesTransfers() throws {
        let cost = try Fleets.cost(["p", "d"], bytesPerSecond: 2e7)
        let plan = Fleets.plan([
            Fleets.replica("p", .prefill, ["p"], cost), Fleets.replica("d", .decode, ["d"], cost),
        ])
        let traffic = Fleets.traffic([(0, 800, 5)])
        var settings = ReferenceSettings()
        let after = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost).requests[0]
        settings.streams = true
        let during = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost).requests[0]
        #expect(during.firstToken == after.firstToken)
        let prefill = (during.firstToken ?? 0)
        // The KV takes 0.32 s, of which an eighth can only start at the end of prefill.
        let expected = max(0.32 / 8, 0.32 - prefill * 7 / 8) + 0.001
        #expect(Self.isNear(after.transfer, 0.321))
        #expect(((during.transfer ?? 0) - expected).magnitude < 1e-6)
        var small = plan
        small.kvType = .q8_0
        let packed = try ReferenceServices(settings).run(traffic, plan: small, cost: cost).requests[0]
        #expect((packed.transfer ?? 1) < (during.transfer ?? 0))
    }

    @Test func routingLooksAtWhatItIsNamedAfter() throws {
        let cost = try Fleets.cost(["a", "b"])
        let plan = Fleets.plan([Fleets.replica("a", .mixed, ["a"], cost), Fleets.replica("b", .mixed, ["b"], cost)])
        // The long output makes a busy in seconds, the long prompt makes b busy in tokens.
        let traffic = Fleets.traffic([(0, 100, 900), (0.01, 800, 2), (2, 100, 2)])
        var settings = ReferenceSettings()
        settings.routing = .backlog
        let seconds = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost)
        #expect(seconds.requests.map(\.prefillReplica) == ["a", "b", "b"])
        settings.routing = .tokens
        let tokens = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost)
        #expect(tokens.requests[0].prefillReplica != tokens.requests[1].prefillReplica)
    }

    @Test(arguments: ReferenceRouting.allCases)
    func everyRequestEnds(routing: ReferenceRouting) throws {
        let cost = try Fleets.cost(["a", "b", "c", "d"], memory: 1_000_000_000)
        let plan = Fleets.plan([
            Fleets.replica("d1", .decode, ["c"], cost), Fleets.replica("d2", .decode, ["d"], cost),
            Fleets.replica("p1", .prefill, ["a"], cost), Fleets.replica("p2", .prefill, ["b"], cost),
        ])
        for (gap, streams) in [(0.3, false), (0.02, true), (0.02, false)] {
            var settings = ReferenceSettings()
            settings.routing = routing
            settings.streams = streams
            let traffic = Fleets.stream(300, every: gap)
            let record = try ReferenceServices(settings).run(traffic, plan: plan, cost: cost)
            #expect(Fleets.problem(record) == nil)
            #expect(record == (try ReferenceServices(settings).run(traffic, plan: plan, cost: cost)))
            #expect(record.devices.allSatisfy { $0.share > 0 && $0.share <= 1 })
        }
    }

    @Test func mixedPoolsChangeSidesUnderLoad() throws {
        func load(_ tokens: Int, queue: Bool = false, held: Int = 0, idle: Bool = false) -> MixedPools.Load {
            MixedPools.Load(tokens: tokens, hasQueue: queue, held: held, capacity: 10_000, isIdle: idle)
        }
        var pools = MixedPools(homes: [.prompt, .prompt, .token, .token], queueTokens: 1000)
        func choose(_ loads: [MixedPools.Load]) -> [Int] {
            pools.choose(prompt: 500, output: 100, loads).map { [$0.prefill, $0.decode] } ?? []
        }
        #expect(choose([load(20), load(10), load(0, held: 50), load(0, held: 40)]) == [1, 3])
        #expect(pools.mixed.isEmpty)
        // Both prompt groups have more than they may: the less loaded token group helps.
        let full = load(900, queue: true)
        #expect(choose([full, full, load(5), load(4, held: 60)]) == [3, 2] && pools.mixed == [3])
        // No room on the token side: the prompt group with the least memory helps.
        #expect(choose([load(0, held: 5), load(9), load(5, held: 9900), load(4, held: 9900)]) == [0, 1])
        #expect(pools.mixed == [1, 3])
        // Idle ones go home; where nothing has room, one group does both.
        let idle = load(0, idle: true)
        #expect(choose([idle, idle, idle, idle]) == [0, 2] && pools.mixed.isEmpty)
        #expect(pools.choose(prompt: 9000, output: 2000, [idle, idle, idle, idle]) == nil)
    }

    @Test func whatCannotBeIsNamed() throws {
        let cost = try Fleets.cost(["a"])
        let plan = Fleets.plan([Fleets.replica("a", .mixed, ["a"], cost)])
        func message(_ traffic: SimulatedTraffic, _ plan: PlacementPlan) -> String {
            do {
                _ = try ReferenceServices().run(traffic, plan: plan, cost: cost)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message(Fleets.traffic([(0, 0, 1)]), plan).contains("request r0"))
        #expect(message(Fleets.traffic([(1, 5, 1), (0, 5, 1)]), plan).contains("request r1 arrives before"))
        var foreign = plan
        foreign.replicas[0].stages[0].device = "nobody"
        #expect(message(Fleets.traffic([(0, 5, 1)]), foreign).contains("there is no device nobody"))
        foreign.replicas[0].stages[0] = PlanStage(device: "a", layers: LayerRange(0, 7))
        #expect(message(Fleets.traffic([(0, 5, 1)]), foreign).contains("covers 7 of 8 layers"))
    }
}
