import Domain
import Testing

@testable import Planning

@Suite struct GenomeTests {
    @Test(arguments: 1..<13)
    func operatorsKeepGenomesValid(count: Int) {
        var random = SeededRandom(seed: UInt64(count))
        var pool = (0..<8).map { _ in Genome.random(count: count, largestGroup: count, &random) }
        for _ in 0..<400 {
            let child = pool[random.below(8)].crossed(with: pool[random.below(8)], &random)
            let mutant = child.mutated(largestGroup: count, &random)
            for genome in [child, mutant] {
                #expect(genome.order.sorted() == Array(0..<count))
                #expect(genome.sizes.allSatisfy { $0 >= 1 } && genome.sizes.reduce(0, +) == count)
                #expect(genome.groups.flatMap { $0 } == genome.order)
            }
            pool[random.below(8)] = mutant
        }
    }

    @Test func crossoverMixesBothParents() {
        var random = SeededRandom(seed: 1)
        let first = Genome(order: [0, 1, 2, 3, 4, 5], sizes: [3, 3])
        let second = Genome(order: [5, 4, 3, 2, 1, 0], sizes: [1, 1, 1, 1, 1, 1])
        var children: Set<Genome> = []
        for _ in 0..<200 { children.insert(first.crossed(with: second, &random)) }
        #expect(children.count > 5)
        #expect(children.contains { $0.order != first.order && $0.order != second.order })
    }

    @Test func mutationsReachEveryGrouping() {
        var random = SeededRandom(seed: 2)
        var genome = Genome(order: [0, 1, 2, 3], sizes: [4])
        var groupings: Set<Set<Set<Int>>> = []
        for _ in 0..<2000 {
            genome = genome.mutated(largestGroup: 4, &random)
            groupings.insert(Set(genome.groups.map(Set.init)))
        }
        #expect(groupings.count == 15)  // Bell(4)
    }

    @Test func powersAreAccurate() {
        // Against repeated multiplication and square roots, which are exact to rounding.
        for base in [0.001, 0.1, 0.37, 0.5, 0.98, 1] {
            #expect(abs(Exponential.power(base, 3) / (base * base * base) - 1) < 1e-9)
            #expect(abs(Exponential.power(base, 0.5) / base.squareRoot() - 1) < 1e-9)
        }
    }
}
