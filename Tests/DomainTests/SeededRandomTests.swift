import Domain
import Testing

/// Plans, experiments and their golden figures depend on these numbers.
@Suite("Seeded random numbers")
struct SeededRandomTests {
    @Test("the bits are those of SplitMix64")
    func bits() {
        // The first ones of the reference implementation for this seed.
        var random = SeededRandom(seed: 1_234_567)
        let drawn = (0..<5).map { _ in random.next() }
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect(drawn == expected)
    }

    @Test("what is drawn from them stays the same")
    func draws() {
        var random = SeededRandom(seed: 7)
        let numbers = (0..<12).map { _ in random.below(10) }
        let order = random.shuffled(Array(0..<8))
        let letters = (0..<6).compactMap { _ in random.element(of: ["a", "b", "c"]) }
        #expect(numbers == [3, 0, 9, 5, 4, 2, 4, 3, 1, 4, 1, 9])
        #expect(order == [7, 0, 1, 5, 2, 3, 4, 6])
        #expect(letters == ["c", "c", "a", "b", "b", "c"])
    }

    @Test("bits that would make a number likelier are drawn again")
    func redraws() {
        var random = SeededRandom(seed: 3)
        let bound = (1 << 62) + (1 << 61)
        var redrawn = 0
        for _ in 0..<400 {
            var once = random
            let number = random.below(bound)
            #expect((0..<bound).contains(number))
            _ = once.next()
            var after = random
            let expected = once.next()
            let next = after.next()
            if next != expected { redrawn += 1 }
        }
        // A quarter: of 2^64 products, two for every number can be given out evenly.
        #expect(redrawn == 96)
    }

    @Test("every number comes about equally often")
    func even() {
        var random = SeededRandom(seed: 11)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<7000 { counts[random.below(7)] += 1 }
        #expect(counts.allSatisfy { (880...1120).contains($0) }, "\(counts)")
    }

    @Test("nothing is drawn where there is no choice")
    func noChoice() {
        var random = SeededRandom(seed: 5)
        let element = random.element(of: [Int]())
        let lists = [random.shuffled([Int]()), random.shuffled([4])]
        #expect(element == nil && lists == [[], [4]])
        var untouched = SeededRandom(seed: 5)
        let bits = [random.next(), untouched.next()]
        #expect(bits[0] == bits[1])
        let least = [random.below(0), random.below(-3), random.below(1)]
        #expect(least == [0, 0, 0])
    }
}
