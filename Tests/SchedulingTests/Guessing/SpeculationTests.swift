import Domain
import Testing

@testable import Scheduling

/// Guesses in the life of a replica: whatever is guessed, the text is the one that there is without.
@Suite struct SpeculationTests {
    private static let plan = Sample.plan("one", [Sample.replica("m", .mixed, ["a", "b"], kv: 2000)])
    private static let keys = ["a", "b"].map { WorkerKey(DeviceID($0), .decode) }

    private func world() -> StageWorld {
        var world = StageWorld(Self.keys)
        world.form("m", of: Self.plan, epoch: 1)
        world.run()
        return world
    }

    @Test func guessesShortenTheWayToTheSameText() {
        let (with, without) = (steps(guesses: true), steps(guesses: false))
        #expect(2 * with < without, "\(with) and \(without) things happened")
    }

    private func steps(guesses: Bool) -> Int {
        var world = world()
        let route = world.route(Self.plan, prefill: nil, decode: "m")
        world.start("r@loop", route, epoch: 1, prompt: 60, output: 100, guesses: guesses)
        var steps = 0
        while world.finished["r@loop"] == nil, steps < 2000 {
            world.run(1)
            steps += 1
        }
        world.run()
        let text = (0..<100).map { StageWorld.token("r@loop", position: 60 + $0) }
        #expect((0..<100).map { world.tokens["r@loop"]?[$0] } == text)
        #expect(world.tokens["r@loop"]?.count == 100)
        #expect(world.finished["r@loop"] == .length)
        #expect(world.mistaken.isEmpty && world.overruns.isEmpty)
        #expect((world.guesses > 0) == guesses)
        let counters = world.cores[Self.keys[0]]?.summary.load.counters
        #expect(counters?.guessedTokens == world.guesses && counters?.acceptedTokens == world.rightGuesses)
        for core in world.cores.values { #expect(core.summary.load.kvUsedTokens == 0) }
        return steps
    }

    /// Texts that end with a guess, that have room for none, and sequences that are cancelled on the way.
    @Test(arguments: 0..<60) func anyMixEndsRight(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &* 131 &+ 17)
        var world = world()
        let route = world.route(Self.plan, prefill: nil, decode: "m")
        var wanted: [RequestID: (prompt: Int, output: Int)] = [:]
        var cancelled: Set<RequestID> = []
        for index in 0..<12 {
            let kind = ["", "@loop", "@loop2"].randomElement(using: &random) ?? ""
            let request = RequestID("r\(index)\(kind)")
            let (prompt, output) = (Int.random(in: 1...80, using: &random), Int.random(in: 1...60, using: &random))
            wanted[request] = (prompt, output)
            world.start(
                request, route, epoch: 1, prompt: prompt, output: output,
                capacity: Bool.random(using: &random) ? 2000 : nil, reuses: Bool.random(using: &random),
                guesses: Bool.random(using: &random))
            world.run(Int.random(in: 0...60, using: &random))
            if Int.random(in: 0..<5, using: &random) == 0, world.finished[request] == nil {
                world.send(.cancel(request), to: Self.keys[0])
                cancelled.insert(request)
            }
        }
        world.run(100_000)
        for (request, (prompt, output)) in wanted where !cancelled.contains(request) {
            #expect(
                (0..<output).map { world.tokens[request]?[$0] }
                    == (0..<output).map { StageWorld.token(request, position: prompt + $0) }, "seed \(seed): \(request)"
            )
            #expect(world.tokens[request]?.count == output)
        }
        #expect(world.mistaken.isEmpty && world.overruns.isEmpty, "\(world.mistaken) \(world.overruns)")
        for core in world.cores.values { #expect(core.summary.load.kvUsedTokens == 0) }
    }
}
