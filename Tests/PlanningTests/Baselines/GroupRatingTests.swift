import Domain
import Testing

@testable import Planning

@Suite("Baseline group rating") struct GroupRatingTests {
    /// For layers that the evaluator found, the rating is the same.
    @Test(arguments: [KVType.f16, .q8_0])
    func agreesWithTheEvaluator(wire: KVType) throws {
        var compared = 0
        for seed in UInt64(0)..<12 {
            guard let question = try BaselineFleets.generated(devices: 10, seed: seed, kvType: wire) else { continue }
            let instance = question.instance
            var evaluator = GroupEvaluator(instance)
            let rating = GroupRating(instance: instance)
            var random = SeededRandom(seed: seed)
            for _ in 0..<30 {
                let members = Array((0..<instance.count).shuffled(using: &random).prefix(random.between(1, 4))).sorted()
                let value = evaluator.evaluate(members)
                for role in ReplicaRole.allCases {
                    guard let found = value[role] else { continue }
                    let rated = try #require(rating.value(found.order, found.layers)[role])
                    #expect(abs(rated.rate / found.rate - 1) < 1e-3)
                    #expect(rated.rate >= found.rate * (1 - 1e-9))
                    if rated.concurrency == found.concurrency, rated.microBatches == found.microBatches {
                        #expect(abs(rated.rate / found.rate - 1) < 1e-9)
                        #expect(abs(rated.tokenGap - found.tokenGap) <= 1e-9 * found.tokenGap)
                        #expect(abs(rated.prefillLatency - found.prefillLatency) <= 1e-9 * found.prefillLatency)
                    }
                    compared += 1
                }
            }
        }
        #expect(compared > 200)
    }

    /// The gap of the chosen concurrency is the one that the queue model uses.
    @Test func tokenGapIsTheSharedOne() throws {
        let question = try BaselineFleets.toy(
            BaselineFleets.equal(3, "a", type: "a", flops: 2e12, memory: 700_000_000))
        let option = try #require(GroupRating(instance: question.instance).decode([0, 1, 2], [3, 3, 2]))
        let times = GroupTimes(instance: question.instance, option: option)
        #expect(abs(times.tokenGap(sequences: option.concurrency) / option.tokenGap - 1) < 1e-9)
        #expect((1...16).contains(option.concurrency) && (1...3).contains(option.microBatches))
    }

    /// Rates by hand: a layer takes 2 x 170e6 x 500 + 2 x 1024 x 500 x 500 = 1.70512e11 FLOP for a prompt of 500 tokens.
    @Test func prefillByHand() throws {
        let question = try BaselineFleets.toy(
            BaselineFleets.equal(2, "a", type: "a", flops: 1e12, memory: 500_000_000))
        let option = try #require(GroupRating(instance: question.instance).prefill([0, 1], [4, 4]))
        let head = max(50e6 / 50e9, 2 * 32_000 * 1024 / 1e12)
        let stage = 4 * (0.170512 + 1e-5)
        let hop = 0.0002 + 500 * 2048 / 1e9
        #expect(abs(option.prefillCycle - (stage + head)) < 1e-9)
        #expect(abs(option.prefillLatency - (2 * stage + head + hop)) < 1e-9)
        #expect(abs(option.rate - 1 / (stage + head)) < 1e-9)
    }

    @Test func memoryLimitsConcurrency() throws {
        // Room for four layers, head and 2,400 tokens of KV: four requests of 600 tokens.
        let question = try BaselineFleets.toy(
            BaselineFleets.equal(2, "a", type: "a", flops: 1e12, memory: 450_000_000 + 4 * 2_400_000))
        let rating = GroupRating(instance: question.instance)
        #expect(rating.decode([0, 1], [4, 4])?.concurrency == 4)
        #expect(rating.value([0, 1], [5, 3]).isEmpty)
        #expect(rating.prefill([0], [8]) == nil)
    }
}
