import Domain
import Testing

@testable import Scheduling

@Suite struct GuessingTests {
    // MARK: Drafts

    @Test func aDraftIsWhatFollowedTheLastTokensBefore() {
        let drafter = NGramDrafter([1, 2, 3, 4, 5, 6, 7, 9, 2, 3, 4])
        #expect(drafter.draft(3) == [5, 6, 7])
        #expect(drafter.draft(0) == [])
        #expect(NGramDrafter([1, 2, 3, 4]).draft(4) == [], "nothing stood there before")
        #expect(NGramDrafter([]).draft(4) == [])
    }

    @Test func longContextsCountMoreThanLateOnes() {
        // "7 8" was last followed by 5, but "6 7 8" by 1.
        let drafter = NGramDrafter([6, 7, 8, 1, 1, 9, 7, 8, 5, 5, 6, 7, 8])
        #expect(drafter.draft(2) == [1, 1])
    }

    @Test func aTextThatRepeatsItselfGoesOnOverItsEnd() {
        var drafter = NGramDrafter([1, 2, 3])
        for token: Int32 in [1, 2, 3, 1, 2] { drafter.append(token) }
        #expect(drafter.draft(7) == [3, 1, 2, 3, 1, 2, 3])
    }

    @Test(arguments: 0..<20) func draftsStandInTheText(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &+ 77)
        var tokens: [Int32] = []
        var drafter = NGramDrafter([])
        for _ in 0..<300 {
            let token = Int32.random(in: 0..<6, using: &random)
            tokens.append(token)
            drafter.append(token)
            let draft = drafter.draft(4)
            guard let first = draft.first else { continue }
            // The last two tokens and the first guess stand somewhere one after the other.
            let found = tokens.indices.dropLast(2).contains {
                Array(tokens[$0..<$0 + 3]) == Array(tokens.suffix(2)) + [first]
            }
            #expect(found)
        }
        #expect(drafter.count == 300)
    }

    // MARK: Windows

    @Test func aSequenceAloneGetsALongWindow() {
        let windows = GuessWindows()
        let sure = GuessWindows.Candidate(probability: 0.98, limit: 20)
        let bad = GuessWindows.Candidate(probability: 0.1, limit: 20)
        #expect(windows.sizes([sure], rows: 1)[0] >= 8)
        #expect(windows.sizes([bad], rows: 1) == [0])
        #expect(windows.sizes([GuessWindows.Candidate(probability: 0.98, limit: 2)], rows: 1) == [2])
        #expect(windows.sizes([], rows: 3) == [])
    }

    @Test func manySequencesGetLess() {
        let windows = GuessWindows()
        let good = GuessWindows.Candidate(probability: 0.7, limit: 20)
        let alone = windows.sizes([good], rows: 1)[0]
        let many = windows.sizes(Array(repeating: good, count: 12), rows: 12)
        #expect(many.max() ?? 0 < alone)
        #expect(windows.sizes(Array(repeating: good, count: 16), rows: 16).allSatisfy { $0 == 0 })
    }

    /// Whatever is measured, a step with guesses never costs more than what is expected of them.
    @Test(arguments: 0..<50) func windowsPayForThemselves(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &* 31 &+ 3)
        var cost = StepCost()
        let share = Double.random(in: 0.01...1.2, using: &random)
        for _ in 0..<40 {
            let rows = Int.random(in: 1...12, using: &random)
            cost.note(rows: rows, seconds: 0.01 * (1 + share * Double(rows - 1)))
        }
        #expect(abs(cost.rowShare - min(max(share, 0.02), 1)) < 0.02)
        let rows = Int.random(in: 1...10, using: &random)
        let candidates = (0..<rows).map { _ in
            GuessWindows.Candidate(probability: Double.random(in: 0...1, using: &random), limit: 12)
        }
        let sizes = GuessWindows(cost: cost).sizes(candidates, rows: rows)
        var tokens = Double(rows)
        for (candidate, size) in zip(candidates, sizes) {
            var chance = 1.0
            for _ in 0..<size {
                chance *= candidate.probability
                tokens += chance
            }
        }
        let total = rows + sizes.reduce(0, +)
        #expect(total <= max(rows, 16))
        let without = Double(rows) / cost.relative(rows: rows)
        #expect(tokens / cost.relative(rows: total) >= without * 0.999)
    }

    @Test func disturbedStepsCountLittle() {
        var cost = StepCost()
        for rows in [1, 2, 4, 1, 2, 4, 1, 2, 4] { cost.note(rows: rows, seconds: 0.01 + 0.001 * Double(rows)) }
        let before = cost.rowShare
        cost.note(rows: 4, seconds: 10)
        #expect(cost.rowShare < before + 0.35)
        cost.note(rows: 0, seconds: 1)
        cost.note(rows: 1, seconds: .nan)
        #expect(cost.rowShare.isFinite)
    }

    // MARK: Acceptance

    @Test func badGuessesAreGivenUpAndTriedAgainLater() {
        var acceptance = Acceptance()
        let windows = GuessWindows()
        func size() -> Int {
            windows.sizes([GuessWindows.Candidate(probability: acceptance.probability, limit: 12)], rows: 1)[0]
        }
        #expect(size() > 0)
        var steps = 0
        while size() > 0, steps < 50 {
            acceptance.note(guessed: size(), accepted: 0)
            steps += 1
        }
        #expect((1..<12).contains(steps))
        var skipped = 0
        while size() == 0, skipped < 500 {
            acceptance.skip()
            skipped += 1
        }
        #expect((10..<200).contains(skipped))
        for _ in 0..<10 { acceptance.note(guessed: 4, accepted: 4) }
        #expect(acceptance.probability > 0.9)
    }
}
