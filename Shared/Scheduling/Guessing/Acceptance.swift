/// How often guesses for one sequence are right, as lately seen.
public struct Acceptance: Sendable, Hashable {
    private var right: Double
    private var tried: Double

    /// Weight of what was seen a step ago.
    private static let memory = 0.85
    /// What a sequence is given credit for, as if seen: most texts that repeat anything repeat more of it.
    private static let prior = (right: 0.6, tried: 1.0)
    /// How fast a bad reputation is forgotten, per guess that was not made: a text that did not repeat itself may begin to.
    private static let forgiveness = 0.99

    /// Makes the record of a sequence for which nothing was guessed.
    public init() { (right, tried) = (0, 0) }

    /// The probability that a guess is right if those before it are.
    public var probability: Double { (right + Self.prior.right) / (tried + Self.prior.tried) }

    /// A step has shown that `accepted` of `guessed` tokens were right; those behind the first wrong one were not looked at.
    public mutating func note(guessed: Int, accepted: Int) {
        guard guessed > 0 else { return }
        right = right * Self.memory + Double(accepted)
        tried = tried * Self.memory + Double(min(accepted + 1, guessed))
    }

    /// There was a guess, and it was not worth its row.
    public mutating func skip() {
        right *= Self.forgiveness
        tried *= Self.forgiveness
    }
}
