import CostModel
import Domain
import Testing

@testable import Planning

/// Orders, layers, concurrency and micro-batches of one group against trying everything.
@Suite("Groups: evaluation") struct GroupEvaluatorTests {
    @Test(arguments: [1, 2, 3], 0..<6)
    func equalsTryingEverything(size: Int, seed: Int) throws {
        let instance = try question(size: size, seed: UInt64(seed + 1)).instance
        var evaluator = GroupEvaluator(
            instance, orders: StageOrders(instance: instance, largestComplete: ExactSearch.mostDevices))
        let value = evaluator.evaluate(Array(0..<size))
        let rating = GroupRating(instance: instance)
        var best: [ReplicaRole: Double] = [:]
        for order in permutations(Array(0..<size)) {
            for layers in compositions(instance.layers, parts: size) {
                let tried = rating.value(order, layers)
                for role in ReplicaRole.allCases {
                    if let option = tried[role] { best[role] = max(best[role] ?? 0, option.rate) }
                }
            }
        }
        #expect(size < 3 || !best.isEmpty)
        for role in ReplicaRole.allCases {
            let found = value[role]?.rate ?? 0
            let most = best[role] ?? 0
            #expect(found <= most * (1 + 1e-9), "\(role) is better than possible")
            // Mixed replicas balance two phases, decoders steps and ports, both to a given precision.
            let precision = role == .prefill ? 1e-9 : role == .decode ? 2e-4 : 1.1e-3
            #expect(found >= most * (1 - precision), "\(role): \(found) of \(most)")
        }
    }

    @Test func aGroupWithoutRoomIsWorthNothing() throws {
        let question = try BaselineFleets.toy(
            BaselineFleets.equal(1, "big", type: nil, flops: 1e12, memory: 2_000_000_000)
                + BaselineFleets.equal(1, "small", type: nil, flops: 1e12, memory: 90_000_000))
        var evaluator = GroupEvaluator(question.instance)
        #expect(evaluator.evaluate([1]).isEmpty)
        #expect(evaluator.evaluate([0, 1]).isEmpty)
        #expect(!evaluator.evaluate([0]).isEmpty)
    }

    private func question(size: Int, seed: UInt64) throws -> BaselineFleets.Question {
        var random = SeededRandom(seed: seed &* 977 &+ UInt64(size))
        let devices = (0..<size).map { index in
            BaselineFleets.Device(
                id: DeviceID("d\(index)"), type: nil, flops: 1e11 * (1 + 30 * random.unit()),
                memory: 1_000_000_000 / size + Int(random.unit() * 500_000_000),
                bandwidth: 5e9 * (1 + 9 * random.unit()))
        }
        var links: [(String, String, Double)] = []
        for from in 0..<size {
            for to in 0..<from { links.append(("d\(from)", "d\(to)", 2e6 * (1 + 200 * random.unit()))) }
        }
        return try BaselineFleets.toy(devices, links: links)
    }

    private func permutations(_ items: [Int]) -> [[Int]] {
        guard items.count > 1 else { return [items] }
        return items.indices.flatMap { index in
            var rest = items
            let item = rest.remove(at: index)
            return permutations(rest).map { [item] + $0 }
        }
    }

    private func compositions(_ total: Int, parts: Int) -> [[Int]] {
        guard parts > 1 else { return [[total]] }
        return (1...(total - parts + 1)).flatMap { first in
            compositions(total - first, parts: parts - 1).map { [first] + $0 }
        }
    }
}
