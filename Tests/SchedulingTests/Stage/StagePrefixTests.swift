import Domain
import Testing

@testable import Scheduling

/// KV cache that stays for sequences to come: all stages of a replica must have the same.
@Suite struct StagePrefixTests {
    private static let one = Sample.plan("one", [Sample.replica("m", .mixed, ["a"])])
    private static let two = Sample.plan("two", [Sample.replica("m", .mixed, ["a", "b"])])
    private static let split = Sample.plan(
        "split", [Sample.replica("p", .prefill, ["a"]), Sample.replica("d", .decode, ["b", "c"])])

    private func world(_ plan: PlacementPlan, memory: Int = 1 << 20) -> StageWorld {
        let keys = plan.replicas.flatMap { replica in
            replica.stages.map { WorkerKey($0.device, replica.role.workerKind) }
        }
        var world = StageWorld(keys, memory: memory)
        for (index, replica) in plan.replicas.enumerated() { world.form(replica.id, of: plan, epoch: Epoch(index + 1)) }
        return world
    }

    @Test(arguments: [one, two]) func aSecondPromptIsNotComputedAgain(_ plan: PlacementPlan) {
        var world = world(plan)
        let route = world.route(plan, prefill: nil, decode: "m")
        for name in ["a@x", "b@x", "c@y"] as [RequestID] {
            world.start(name, route, epoch: 2, prompt: 130, capacity: 1000, reuses: true)
            world.run()
        }
        #expect(world.cached == ["a@x": 0, "b@x": 128, "c@y": 0])
        #expect(world.finished.count == 3)
        world.check()
        // The next turn: the prompt has the output in it.
        world.start("d@x", route, epoch: 2, prompt: 165, output: 3, capacity: 1000, reuses: true)
        world.start("e@x", route, epoch: 2, prompt: 165, output: 3, capacity: 1000, reuses: true, salt: "other")
        world.start("f@x", route, epoch: 2, prompt: 165, output: 3, capacity: 1000)
        world.run()
        #expect(world.cached["d@x"] == 128)
        #expect(world.cached["e@x"] == 0)
        #expect(world.cached["f@x"] == nil)
        #expect(world.finished.count == 6)
        world.check()
    }

    /// While a sequence runs, others begin with what it has computed.
    @Test func runningSequencesShare() {
        var world = world(Self.two)
        let route = world.route(Self.two, prefill: nil, decode: "m")
        world.start("a@x", route, epoch: 2, prompt: 130, output: 80, capacity: 1000, reuses: true)
        for _ in 0..<40 {
            world.run(1)
        }
        world.start("b@x", route, epoch: 2, prompt: 200, output: 5, capacity: 1000, reuses: true)
        world.run(10)
        world.send(.cancel("a@x"), to: WorkerKey("a", .decode))
        world.run()
        #expect((world.cached["b@x"] ?? 0) >= 64)
        #expect(world.finished["b@x"] == .length)
        world.check()
    }

    /// Sequences always win: what is kept goes when they need the memory.
    @Test(arguments: [one, two], 0..<6) func memoryIsForSequences(_ plan: PlacementPlan, _ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var world = world(plan, memory: plan.replicas[0].stages.count == 1 ? 700_000 : 350_000)
        let capacity = world.capacities.values.min() ?? 0
        let route = world.route(plan, prefill: nil, decode: "m")
        var open: [RequestID] = []
        for index in 0..<60 {
            let name = RequestID("r\(index)@\(Int.random(in: 0..<5, using: &random))")
            let prompt = Int.random(in: 1...200, using: &random)
            let output = Int.random(in: 1...60, using: &random)
            world.start(
                name, route, epoch: 2, prompt: prompt, output: output, reserved: prompt + 1, capacity: capacity,
                reuses: true)
            open.append(name)
            world.run(Int.random(in: 0...200, using: &random))
            if Int.random(in: 0..<4, using: &random) == 0, let victim = open.randomElement(using: &random) {
                world.send(.cancel(victim), to: WorkerKey("a", .decode))
            }
        }
        world.run()
        world.check()
        #expect(world.missing.isEmpty)
        #expect(world.cached.values.contains { $0 > 0 })
        for (key, core) in world.cores { #expect(!core.hasSequences, "\(key)") }
        for cache in world.caches.values { #expect(cache.sequences.isEmpty && cache.used == cache.idle.count) }
    }

    /// Prompts that come together wait for each other anyway, and begin with what those before them have computed.
    @Test(arguments: [one, two], [nil, 1000] as [Int?]) func burstsShare(_ plan: PlacementPlan, _ capacity: Int?) {
        var world = world(plan)
        let route = world.route(plan, prefill: nil, decode: "m")
        let names = (0..<5).map { RequestID("r\($0)@x") }
        for name in names {
            world.start(
                name, route, epoch: 2, prompt: 150, capacity: 1000, prefillCapacity: capacity, reuses: true)
        }
        world.run()
        #expect(names.allSatisfy { world.finished[$0] == .length })
        let cached = names.compactMap { world.cached[$0] }.reduce(0, +)
        // Later stages are told where they all know what that means.
        let isFound = plan.replicas[0].stages.count == 1 || capacity != nil
        #expect(isFound ? cached >= 3 * 128 : cached == 0, "\(world.cached)")
        #expect(world.found.isEmpty == (plan.replicas[0].stages.count == 1 || capacity == nil))
        #expect(world.missing.isEmpty && world.refusals.isEmpty)
        world.check()
    }

    /// A sequence that goes on elsewhere is found there.
    @Test(arguments: [true, false]) func sequencesThatMovedAreKept(_ reuses: Bool) {
        let plan = Sample.plan(
            "p", [Sample.replica("m", .mixed, ["a", "b"]), Sample.replica("n", .mixed, ["c", "d"])])
        var world = world(plan)
        world.start(
            "a@x", world.route(plan, prefill: nil, decode: "m"), epoch: 2, prompt: 130, output: 80, capacity: 1000,
            reuses: true)
        for _ in 0..<10_000 where (world.tokens["a@x"]?.count ?? 0) < 40 { world.run(1) }
        var way = world.route(plan, prefill: nil, decode: "n")
        way.prefillReplica = "m"
        way.prefill = world.route(plan, prefill: nil, decode: "m").decode
        world.send(
            .move(
                SequenceMove(
                    request: "a@x", epoch: 2, route: way, reservedTokens: 240, capacityTokens: 1000,
                    reusesPrefixes: reuses)), to: .decode("a"))
        world.run()
        #expect(world.moved == ["a@x"] && world.finished["a@x"] == .length)
        world.start(
            "b@x", world.route(plan, prefill: nil, decode: "n"), epoch: 2, prompt: 220, capacity: 1000, reuses: true)
        world.run()
        #expect(world.finished["b@x"] == .length)
        #expect(world.cached["b@x"] == (reuses ? 192 : 0))
        world.check()
    }

    /// A stage that does not have what it should says so, and nobody counts on it any more.
    @Test func aStageWithoutTheBlocksSaysSo() {
        var world = world(Self.two)
        let route = world.route(Self.two, prefill: nil, decode: "m")
        world.start("a@x", route, epoch: 2, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        for name in world.caches.keys where name.hasPrefix("b/") {
            let blocks = world.caches[name]?.idle ?? []
            world.caches[name]?.drop(blocks)
        }
        world.start("b@x", route, epoch: 2, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        #expect(world.missing == ["b@x"])
        let faults = world.reports.compactMap { report -> String? in
            if case .failed(let fault) = report.report.event.moment { fault.code } else { nil }
        }
        #expect(faults.contains(Fault.prefixMissingCode))
        world.send(.cancel("b@x"), to: WorkerKey("a", .decode))
        world.run()
        world.start("c@x", route, epoch: 2, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        #expect(world.finished["c@x"] == .length)
        #expect(world.cached["c@x"] == 0)
        world.check()
    }

    /// What came from a prefill replica is there for prompts that the decoder computes for itself.
    @Test func aDecoderKeepsWhatWasHandedToIt() {
        var world = world(Self.split)
        world.start(
            "a@x", world.route(Self.split, prefill: "p", decode: "d"), epoch: 2, prompt: 100, output: 40,
            capacity: 1000, reuses: true)
        world.run()
        #expect(world.finished["a@x"] == .length)
        world.check()
        world.start(
            "b@x", world.route(Self.split, prefill: nil, decode: "d"), epoch: 2, prompt: 150, output: 4,
            capacity: 1000, reuses: true)
        world.run()
        #expect(world.finished["b@x"] == .length)
        #expect(world.cached["b@x"] == 128)
        world.check()
    }

    /// A replica that is formed anew has nothing.
    @Test func formingAnewForgets() {
        var world = world(Self.two)
        let route = world.route(Self.two, prefill: nil, decode: "m")
        world.start("a@x", route, epoch: 2, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        world.form("m", of: Self.two, epoch: 5)
        world.check()
        world.start("b@x", route, epoch: 6, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        #expect(world.cached["b@x"] == 0)
        #expect(world.finished["b@x"] == .length)
        // The same epoch again only tells of another plan.
        world.form("m", of: Self.two, epoch: 5)
        world.start("c@x", route, epoch: 6, prompt: 130, capacity: 1000, reuses: true)
        world.run()
        #expect(world.cached["c@x"] == 128)
        world.check()
    }
}
