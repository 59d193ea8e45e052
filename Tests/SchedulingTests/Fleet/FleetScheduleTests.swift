import Domain
import Testing

@testable import Scheduling

/// Random schedules over a scheduler and the cores of its workers together. Whatever happens, every request ends with exactly
/// the tokens of a run without faults (P1), and nothing is left over (P4).
@Suite struct FleetScheduleTests {
    private static let devices: [DeviceID] = ["a", "b", "c", "e"]
    private static let plans =
        Sample.various + [Sample.plan("wide", [Sample.replica("w", .mixed, ["a", "b", "c", "e"])])]

    @Test func aPlanChangeIsInvisible() {
        var world = FleetWorld(Self.devices)
        world.pass(4)
        world.propose(Sample.split)
        world.pass(1)
        for index in 0..<6 { world.submit("r\(index)", prompt: 40 + index, output: 30) }
        var better = Self.plans[2]
        better.predictedRequestsPerSecond = 2
        world.propose(better)
        world.submit("during", prompt: 50, output: 5)
        world.pass(10)
        #expect(world.open.isEmpty)
        #expect(world.problems.isEmpty)
        #expect(world.requests.values.allSatisfy { $0.attempts == 1 }, "nothing was moved")
        #expect(world.scheduler.snapshot(at: world.now).plan?.id == "two")
    }

    /// Two decoders; the plan that comes has another one in place of the second.
    private static let before = Sample.plan(
        "before",
        [
            Sample.replica("m1", .mixed, ["a"], kv: 2000), Sample.replica("d1", .mixed, ["b", "c"], kv: 2000),
        ])
    private static let after = Sample.plan(
        "after", [Sample.replica("m1", .mixed, ["a"], kv: 2000), Sample.replica("d2", .mixed, ["c", "b"], kv: 2000)],
        rate: 9)

    @Test func sequencesGoOnElsewhereWithTheirKV() {
        var world = FleetWorld(Self.devices)
        world.pass(4)
        world.propose(Self.before)
        world.pass(1)
        world.stepsAtATime = 2
        for index in 0..<4 { world.submit("r\(index)", prompt: 40 + index, output: 50) }
        world.pass(3)
        world.propose(Self.after)
        world.pass(8)
        #expect(!world.movedRequests.isEmpty, "\(world.notes.suffix(8))")
        world.pass(60)
        #expect(world.open.isEmpty)
        #expect(world.problems.isEmpty, "\(world.problems)")
        #expect(world.requests.values.allSatisfy { $0.attempts == 1 }, "nothing was computed again")
        #expect(world.scheduler.snapshot(at: world.now).plan?.id == "after")
        for (key, core) in world.stages.cores {
            #expect(core.summary.load.kvUsedTokens == 0, "\(key) holds memory")
            #expect(core.summary.stages.count <= 1, "\(key) holds stages that nobody needs")
        }
    }

    /// A limit is no forecast: requests that may fill all of the memory start together, and where they do fill it the youngest
    /// yield and go on later.
    @Test(arguments: [true, false]) func requestsWithoutAUsefulLimitStartTogether(_ grows: Bool) {
        var world = FleetWorld(["a"], memory: 680_000, growsSequences: grows)
        world.propose(Sample.plan("one", [Sample.replica("m", .mixed, ["a"], kv: 640)]))
        world.pass(3)
        world.stepsAtATime = 2
        for index in 0..<12 { world.submit("r\(index)", prompt: 10 + index, output: 65535) }
        world.pass(2)
        let together = world.scheduler.snapshot(at: world.now).running
        #expect(grows ? together >= 4 : together == 1, "\(together) run: \(world.scheduler.snapshot(at: world.now))")
        world.stepsAtATime = .max
        for _ in 0..<400 where !world.open.isEmpty { world.pass(2) }
        #expect(world.open.isEmpty, "\(world.open)")
        #expect(world.problems.isEmpty, "\(world.problems)")
        #expect(world.stages.overruns.isEmpty, "\(world.stages.overruns)")
        #expect(world.requests.values.contains { $0.attempts > 1 } == grows)
        let lengths = Set(world.requests.values.map { $0.prompt + $0.text.count })
        #expect(lengths.count == 1, "all end where the context ends: \(lengths)")
        for core in world.stages.cores.values { #expect(core.summary.load.kvUsedTokens == 0) }
    }

    /// What is kept in another type would not give the same tokens.
    @Test func sequencesAreNotHandedToAnotherKVType() {
        var world = FleetWorld(Self.devices)
        world.pass(4)
        world.propose(Self.before)
        world.pass(1)
        world.stepsAtATime = 2
        for index in 0..<4 { world.submit("r\(index)", prompt: 40 + index, output: 50) }
        world.pass(3)
        var small = Self.after
        small.kvType = .q8_0
        world.propose(small)
        world.pass(60)
        #expect(world.movedRequests.isEmpty && world.stages.moved.isEmpty)
        #expect(world.open.isEmpty)
        #expect(world.problems.isEmpty, "\(world.problems)")
        #expect(world.scheduler.snapshot(at: world.now).plan?.kvType == .q8_0)
    }

    @Test func workersThatCannotHandOverAreNotAskedTo() {
        var world = FleetWorld(Self.devices, movesSequences: false)
        world.pass(4)
        world.propose(Self.before)
        world.pass(1)
        world.stepsAtATime = 2
        for index in 0..<4 { world.submit("r\(index)", prompt: 40 + index, output: 50) }
        world.pass(3)
        world.propose(Self.after)
        world.pass(60)
        #expect(world.stages.moved.isEmpty)
        #expect(world.open.isEmpty)
        #expect(world.problems.isEmpty, "\(world.problems)")
        #expect(world.requests.values.contains { $0.attempts > 1 }, "they were computed again")
    }

    @Test(arguments: 0..<120) func everyRequestEndsRight(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &* 977 &+ 5)
        // Devices that hold two stages, and some that do not.
        let memory = [1 << 20, 320_000, 180_000][seed % 3]
        var world = FleetWorld(
            Self.devices, memory: memory, movesSequences: seed % 7 != 6, growsSequences: seed % 5 != 4,
            reusesPrefixes: seed % 4 != 3)
        world.pass(4)
        // In some schedules sequences last long enough to be moved.
        world.stepsAtATime = [Int.max, 4, 12][seed / 3 % 3]
        world.propose(Self.plan(seed, memory))
        world.pass(1)
        var count = 0
        for step in 0..<120 {
            act(&world, &random, &count, step, memory)
            if Bool.random(using: &random) { world.pass(Double.random(in: 0.1...1.5, using: &random)) }
        }
        for key in world.sessions.keys.sorted() {
            world.resume(key)
            if world.stages.cores[key] == nil { world.start(key) }
        }
        world.stepsAtATime = .max
        for _ in 0..<60 where !world.open.isEmpty { world.pass(3) }
        world.pass(40)
        #expect(world.open.isEmpty, "seed \(seed): \(world.open) of \(count); \(world.notes.suffix(8))")
        #expect(world.problems.isEmpty, "seed \(seed): \(world.problems)")
        #expect(world.stages.overruns.isEmpty, "seed \(seed): \(world.stages.overruns)")
        #expect(world.stages.mistaken.isEmpty, "seed \(seed): \(world.stages.mistaken)")
        for (name, cache) in world.stages.caches where !cache.sequences.isEmpty {
            Issue.record("seed \(seed): \(name) still has \(cache.sequences.keys.sorted())")
        }
        world.pass(6)
        let snapshot = world.scheduler.snapshot(at: world.now)
        #expect(snapshot.running == 0 && snapshot.waiting == 0, "seed \(seed)")
        for (key, core) in world.stages.cores {
            #expect(core.summary.load.kvUsedTokens == 0, "seed \(seed): \(key) holds memory")
            #expect(core.summary.stages.count <= 1, "seed \(seed): \(key) holds stages that nobody needs")
        }
        world.submit("last", prompt: 20, output: 3)
        world.pass(10)
        #expect(world.open.isEmpty, "seed \(seed): it still serves")
    }

    /// What requests computed is there for those that begin with the same text, in the same replica, also under the
    /// next plan.
    @Test func laterRequestsBeginWithWhatEarlierOnesComputed() {
        var world = FleetWorld(Self.devices)
        world.pass(4)
        world.propose(Sample.plan("one", [Sample.replica("m", .mixed, ["a", "b"], kv: 2000)], rate: 5))
        world.pass(1)
        world.submit("first@chat", prompt: 40, output: 50)
        world.pass(8)
        var next = Sample.plan("two", [Sample.replica("m", .mixed, ["a", "b"], kv: 2000)], rate: 9)
        next.replicas[0].decodeConcurrency += 1
        world.propose(next)
        world.pass(8)
        world.submit("second@chat", prompt: 92, output: 5)
        world.submit("other", prompt: 92, output: 5)
        world.pass(8)
        #expect(world.open.isEmpty, "\(world.open): \(world.notes.suffix(8))")
        #expect(world.problems.isEmpty && world.stages.mistaken.isEmpty, "\(world.problems)")
        #expect(world.stages.cached["first@chat"] == 0)
        // Two full blocks of the first request's prompt and output.
        #expect(world.stages.cached["second@chat"] == 64)
        #expect(world.stages.cached["other"] == 0)
        #expect(world.stages.missing.isEmpty)
    }

    private static func plan(_ number: Int, _ memory: Int) -> PlacementPlan {
        var plan = plans[number % plans.count]
        for index in plan.replicas.indices { plan.replicas[index].kvCapacityTokens = 100 }
        return plan
    }

    private func act(
        _ world: inout FleetWorld, _ random: inout SeededGenerator, _ count: inout Int, _ step: Int, _ memory: Int
    ) {
        guard let key = world.sessions.keys.sorted().randomElement(using: &random) else { return }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<55:
            count += 1
            // Some have a text of their own, others begin with the same one.
            let group =
                ["", "@g", "@loop"].randomElement(using: &random).map {
                    $0.isEmpty ? $0 : "\($0)\(Int.random(in: 0..<3, using: &random))"
                } ?? ""
            world.submit(
                "r\(count)\(group)", prompt: Int.random(in: 1...(group.isEmpty ? 60 : 90), using: &random),
                output: Int.random(in: 1...30, using: &random))
        case 55..<63: world.kill(key, isNoticed: Bool.random(using: &random))
        case 63..<73: if world.stages.cores[key] == nil { world.start(key) }
        case 73..<78: world.start(key)
        case 78..<82: world.pause(key)
        case 82..<87: world.resume(key)
        case 87..<89: world.restartScheduler()
        default:
            var plan = Self.plan(Int.random(in: 0..<Self.plans.count, using: &random), memory)
            plan.id = PlanID("\(plan.id)-\(step)")
            plan.predictedRequestsPerSecond = Double.random(in: 0.5...9, using: &random)
            world.propose(plan)
        }
    }
}
