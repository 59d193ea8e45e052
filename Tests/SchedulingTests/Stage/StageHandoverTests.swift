import Domain
import Testing

@testable import Scheduling

/// Prompts that a prefill replica hands over where both replicas keep KV cache: nothing that is held is computed or sent
/// again.
@Suite struct StageHandoverTests {
    /// Stages of both sides have different layers.
    private static let plan = Sample.plan(
        "p",
        [
            Sample.replica("p", .prefill, ["a", "b"]), Sample.replica("d", .decode, ["c", "d", "e"]),
            Sample.replica("f", .decode, ["f"]),
        ])

    private func world(memory: Int = 1 << 20) -> StageWorld {
        var world = StageWorld(Self.plan.replicas.flatMap(\.workers), memory: memory)
        for (index, replica) in Self.plan.replicas.enumerated() {
            world.form(replica.id, of: Self.plan, epoch: Epoch(index + 1))
        }
        return world
    }

    private func start(
        _ request: RequestID, _ decode: ReplicaID, prompt: Int, output: Int = 3, _ world: inout StageWorld
    ) {
        let capacity = world.capacities.values.min() ?? 0
        world.start(
            request, world.route(Self.plan, prefill: "p", decode: decode), epoch: 9, prompt: prompt, output: output,
            reserved: prompt + 1, capacity: capacity, prefillCapacity: capacity, reuses: true)
    }

    /// The scheduler tells the first stages.
    private func cancel(_ request: RequestID, _ world: inout StageWorld) {
        for key in [.prefill("a"), .decode("c"), .decode("f")] as [WorkerKey] { world.send(.cancel(request), to: key) }
    }

    /// Positions that every stage of a decoder replica was sent, on the mean.
    private func sent(_ request: RequestID, to decode: ReplicaID, _ world: StageWorld) -> Double {
        let stages = Self.plan.replicas.first { $0.id == decode }?.stages.count ?? 1
        return Double(world.handedOver[request] ?? 0) / Double(stages)
    }

    @Test func whatBothHaveIsNeitherComputedNorSent() {
        var world = world()
        start("a@x", "d", prompt: 130, &world)
        world.run()
        #expect(world.cached["a@x"] == 0)
        #expect(sent("a@x", to: "d", world) == 130)
        world.check()
        start("b@x", "d", prompt: 170, &world)
        world.run()
        #expect(world.cached["b@x"] == 128)
        #expect(sent("b@x", to: "d", world) == 42)
        // The other decoder has nothing: what is not computed is sent all the same.
        start("c@x", "f", prompt: 170, &world)
        world.run()
        #expect(world.cached["c@x"] == 160)
        #expect(sent("c@x", to: "f", world) == 170)
        world.check()
        #expect(world.finished.count == 3 && world.refusals.isEmpty)
    }

    /// The decoder has more than the prefill replica: outputs, and prompts that came from elsewhere.
    @Test func aDecoderMayHaveMore() {
        var world = world()
        start("a@x", "d", prompt: 40, output: 60, &world)
        world.run()
        start("b@x", "d", prompt: 130, &world)
        world.run()
        #expect(world.cached["b@x"] == 32)
        #expect(sent("b@x", to: "d", world) < 130 - 64)
        #expect(world.finished.count == 2 && world.refusals.isEmpty)
        world.check()
    }

    /// The answer of the decoder is lost: everything is sent, and taken.
    @Test func withoutAnAnswerEverythingIsSent() {
        var world = world()
        start("a@x", "d", prompt: 130, &world)
        world.run()
        world.losesAnswers = true
        start("b@x", "d", prompt: 170, &world)
        world.run()
        #expect(world.finished["b@x"] == nil)
        world.now += 3
        world.sendToAll(.tick)
        world.run()
        #expect(world.finished["b@x"] == .length)
        #expect(world.cached["b@x"] == 128)
        // A piece that lies before the end of what is held is ignored; one that reaches beyond it comes whole.
        #expect(sent("b@x", to: "d", world) >= 42)
        #expect(world.refusals.isEmpty)
        world.check()
    }

    /// Prompts that wait for the prefill replica begin with what those before them have computed, which is sent all the
    /// same.
    @Test func burstsShare() {
        var world = world()
        let names = (0..<6).map { RequestID("r\($0)@x") }
        for (index, name) in names.enumerated() { start(name, index % 2 == 0 ? "d" : "f", prompt: 200, &world) }
        world.run()
        #expect(names.allSatisfy { world.finished[$0] == .length })
        #expect(names.compactMap { world.cached[$0] }.reduce(0, +) >= 4 * 160, "\(world.cached)")
        #expect(!world.found.isEmpty && world.missing.isEmpty && world.refusals.isEmpty)
        world.check()
    }

    /// The answer may be what a prefill worker does not take any more: sequences that decode need no prefill replica.
    @Test func aDecoderGoesOnWithoutThePrefillReplica() {
        var world = world()
        start("a@x", "d", prompt: 60, output: 30, &world)
        for _ in 0..<10_000 where (world.tokens["a@x"]?.count ?? 0) < 5 { world.run(1) }
        world.send(.peerLost(endpoint: "a/prefill", requests: ["b@x"]), to: .decode("c"))
        world.run()
        #expect(world.finished["a@x"] == .length && world.tokens["a@x"]?.count == 30)
        world.check()
    }

    /// A link that does not keep up holds back what was kept, like what is computed.
    @Test func keptBlocksWaitForTheLink() {
        var world = world()
        start("a@x", "d", prompt: 300, &world)
        world.run()
        world.waiting.bytes["f/decode"] = 1 << 40
        start("b@x", "f", prompt: 300, &world)
        world.run()
        #expect(world.handedOver["b@x"] == nil && world.finished["b@x"] == nil)
        world.waiting.bytes = [:]
        world.sendToAll(.drained)
        world.run()
        #expect(sent("b@x", to: "f", world) == 300)
        #expect(world.cached["b@x"] == 288 && world.finished["b@x"] == .length)
        world.check()
    }

    /// A stage of the decoder lacks what the first one counted on: the request fails, and is done again in full.
    @Test(arguments: ["c", "d", "e"]) func whatIsMissingIsDoneAgain(_ device: String) {
        var world = world()
        start("a@x", "d", prompt: 130, &world)
        world.run()
        for name in world.caches.keys where name.hasPrefix("\(device)/") {
            let blocks = world.caches[name]?.idle ?? []
            world.caches[name]?.drop(blocks)
        }
        start("b@x", "d", prompt: 130, &world)
        world.run()
        #expect(world.missing == ["b@x"] && world.finished["b@x"] == nil)
        let faults = world.reports.compactMap { report -> Fault? in
            if case .failed(let fault) = report.report.event.moment { fault } else { nil }
        }
        #expect(faults.contains { $0.code == Fault.prefixMissingCode && $0.isRetriable })
        cancel("b@x", &world)
        world.run()
        start("c@x", "d", prompt: 130, &world)
        world.run()
        #expect(world.finished["c@x"] == .length)
        #expect(sent("c@x", to: "d", world) == 130)
        world.check()
    }

    /// Replicas of which one cannot do it compute and send everything, and keep what they kept before.
    @Test func withoutTheCapacityNothingIsLeftOut() {
        var world = world()
        for name in ["a@x", "b@x"] as [RequestID] {
            world.start(
                name, world.route(Self.plan, prefill: "p", decode: "d"), epoch: 9, prompt: 130, output: 3,
                capacity: 1000, reuses: true)
            world.run()
            #expect(sent(name, to: "d", world) == 130)
            #expect(world.cached[name] == nil)
        }
        let kept = world.caches.filter { $0.key.hasPrefix("a/") || $0.key.hasPrefix("b/") }
        #expect(kept.count == 2 && kept.values.allSatisfy { $0.blocks.isEmpty })
        world.check()
    }

    /// What is held need not come; of pieces that do the rest is taken, and gaps are still found.
    @Test func whatIsHeldNeedNotCome() throws {
        let layers = LayerRange(4, 8)
        func accept(_ arrival: inout KVArrival, _ start: Int, _ count: Int) throws(KVArrival.Refusal) -> Bool {
            try arrival.accept(layers: layers, start: start, count: count, total: 100)
        }
        var arrival = KVArrival(layers: layers, total: 100)
        arrival.hold(64)
        #expect(try !accept(&arrival, 0, 64))
        #expect(throws: KVArrival.Refusal.outOfOrder) { try accept(&arrival, 65, 10) }
        #expect(try accept(&arrival, 64, 36))
        #expect(arrival.isComplete)
        var late = KVArrival(layers: layers, total: 100)
        #expect(try accept(&late, 0, 50))
        late.hold(64)
        #expect(try accept(&late, 50, 30))
        #expect(try !accept(&late, 50, 30))
        #expect(throws: KVArrival.Refusal.outOfOrder) { try accept(&late, 70, 30) }
        #expect(try accept(&late, 80, 20))
        #expect(late.isComplete)
        // More came than was known to be held.
        var more = KVArrival(layers: layers, total: 100)
        #expect(try accept(&more, 0, 80))
        more.hold(64)
        #expect(try accept(&more, 80, 20))
        #expect(more.isComplete)
        // At least the last position is sent, whatever somebody says.
        var most = KVArrival(layers: layers, total: 100)
        most.hold(.max)
        #expect(!most.isComplete && most.held == 99)
        most.hold(-5)
        #expect(try accept(&most, 99, 1))
    }

    /// Messages of one connection keep their order, and nothing else does: every sequence has its own text on all stages,
    /// whatever was computed, found and sent.
    @Test(arguments: 0..<24) func anyOrderGivesTheSameTexts(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var world = world(memory: seed % 2 == 0 ? 1 << 20 : 500_000)
        world.losesAnswers = seed % 8 == 7
        var prompts: [RequestID: Int] = [:]
        for index in 0..<50 {
            let name = RequestID("r\(index)@\(Int.random(in: 0..<3, using: &random))")
            let decode: ReplicaID = Bool.random(using: &random) ? "d" : "f"
            let prompt = Int.random(in: 1...220, using: &random)
            start(name, decode, prompt: prompt, output: Int.random(in: 1...30, using: &random), &world)
            prompts[name] = prompt
            world.runInAnyOrder(Int.random(in: 0...150, using: &random), &random)
            if Int.random(in: 0..<6, using: &random) == 0,
                let victim = prompts.keys.sorted().randomElement(using: &random)
            {
                cancel(victim, &world)
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                world.now += 1
                world.sendToAll(.tick)
            }
        }
        for _ in 0..<4 {
            world.runInAnyOrder(100_000, &random)
            world.now += 3
            world.sendToAll(.tick)
        }
        // Sequences that failed, and those whose other half was cancelled before it came, are the scheduler's to end.
        for name in prompts.keys.sorted() {
            cancel(name, &world)
        }
        world.runInAnyOrder(100_000, &random)
        world.check(mayLack: seed % 2 == 1)
        #expect(world.cached.values.contains { $0 > 0 })
        let whole = prompts.filter { world.finished[$0.key] != nil }
        #expect(whole.count > 10)
        for (name, prompt) in whole {
            let text = world.tokens[name] ?? [:]
            for index in 0..<text.count {
                #expect(text[index] == StageWorld.token(name, position: prompt + index), "\(name)")
            }
        }
    }
}
