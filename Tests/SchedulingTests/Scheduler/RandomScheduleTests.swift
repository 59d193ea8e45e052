import Domain
import Scheduling
import Testing

/// Random schedules of everything that can happen, with a seed each; the invariants are checked after every event, and
/// when the world has calmed down nothing may be left over.
@Suite struct RandomScheduleTests {
    private static let devices: [DeviceID] = ["a", "b", "c", "e"]
    private static let plans = Sample.various

    @Test(arguments: 0..<24) func nothingIsLostOrLeaked(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &* 7919 &+ 1)
        var world = SchedulerWorld.serving(Self.plans[seed % Self.plans.count], devices: Self.devices)
        var count = 0
        for _ in 0..<300 {
            act(&world, &random, &count)
            if Bool.random(using: &random) { world.pass(Double.random(in: 0.1...1.5, using: &random)) }
        }
        settle(&world)
        let snapshot = world.snapshot()
        #expect(snapshot.ready, "seed \(seed): \(snapshot.reason)")
        #expect(snapshot.running == 0, "seed \(seed)")
        #expect(snapshot.waiting == 0, "seed \(seed)")
        #expect(snapshot.replicas.allSatisfy { $0.kvReservedTokens == 0 }, "seed \(seed)")
        #expect(world.invariants.unanswered.isEmpty, "seed \(seed)")
        #expect(world.wanted.isEmpty, "seed \(seed): gateways wait for \(world.wanted)")
        for (key, worker) in world.workers { #expect(worker.held.isEmpty, "seed \(seed): \(key) holds requests") }
        world.submit("last")
        #expect(world.started.map(\.request) == ["last"], "seed \(seed): it still serves")
    }

    private func act(_ world: inout SchedulerWorld, _ random: inout SeededGenerator, _ count: inout Int) {
        let keys = world.workers.keys.sorted()
        guard let key = keys.randomElement(using: &random) else { return }
        let running = world.wanted.sorted().randomElement(using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30:
            count += 1
            world.submit(
                RequestID("r\(count)"), prompt: Int.random(in: 1...1100, using: &random),
                max: Int.random(in: 1...800, using: &random))
        case 30..<55: if let running { progress(running, &world, &random) }
        case 55..<62: if let running { world.cancel(running) }
        case 62..<66: world.kill(key)
        case 66..<72: if world.workers[key]?.isRunning == false { world.startWorker(key) }
        case 72..<75: world.resume(key)
        case 75..<78: world.startWorker(key)
        case 78..<84:
            var plan = Self.plans.randomElement(using: &random) ?? Sample.split
            plan.id = PlanID("\(plan.id)-\(count)-\(Int.random(in: 0..<1000, using: &random))")
            plan.predictedRequestsPerSecond = Double.random(in: 0.5...3, using: &random)
            world.send(.proposal(plan, reason: "random"))
        case 84..<86: world.failing.formSymmetricDifference([key])
        case 86..<88: world.silent.formSymmetricDifference([key])
        case 88..<90: world.restartScheduler()
        case 90..<93: world.hello(key)
        case 93..<95: world.send(.planFailed(Fault("x", "no plan", isRetriable: true)))
        case 95..<97:
            // The gateway forgets a request without a word.
            if let running { world.wanted.remove(running) }
        default:
            let ready = Self.devices.filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
            world.send(.fleet(Sample.fleet(ready, version: UInt64(count + 2))))
        }
    }

    /// A request takes one step, wherever it is.
    private func progress(_ id: RequestID, _ world: inout SchedulerWorld, _ random: inout SeededGenerator) {
        let holders = world.workers.filter { $0.value.held[id] != nil && $0.value.isRunning }.keys.sorted()
        guard let decoder = holders.first(where: { $0.kind == .decode }) else { return }
        let prefiller = holders.first { $0.kind == .prefill }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: world.report(id, .prefillStarted, by: prefiller ?? decoder)
        case 1:
            world.report(id, .prefillFinished, by: prefiller ?? decoder, generated: 1)
            if let prefiller { world.workers[prefiller]?.held[id] = nil }
        case 2: world.report(id, .kvComplete, by: decoder)
        case 3: world.report(id, .decodeStarted, by: decoder, generated: 2)
        default: world.finish(id, on: decoder, generated: 12)
        }
    }

    /// Everybody is well again, and what is wanted comes to an end.
    private func settle(_ world: inout SchedulerWorld) {
        world.failing = []
        world.silent = []
        world.send(.fleet(Sample.fleet(Self.devices, version: 10_000)))
        for key in world.workers.keys.sorted() {
            if world.workers[key]?.isRunning == false { world.startWorker(key) }
        }
        for round in 0..<30 {
            world.pass(5)
            var plan = Sample.split
            plan.id = PlanID("final-\(round)")
            if world.snapshot().plan == nil || round > 15 { world.send(.proposal(plan, reason: "final")) }
            for id in world.wanted.sorted() {
                let holder = world.workers.keys.sorted().first {
                    $0.kind == .decode && world.workers[$0]?.held[id] != nil
                }
                if let holder { world.finish(id, on: holder) }
            }
        }
        world.pass(10)
    }
}
