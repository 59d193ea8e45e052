/// How many tokens to guess for each of the sequences of a step: rows are added one by one where they bring most, as long as one
/// brings more tokens for its time than the step has without it.
///
/// A row that continues `n` right guesses brings a token with probability `p^(n+1)`. So few sequences get long windows, since the
/// weights are read for one row as for many; many sequences get none, since then rows are what costs.
public struct GuessWindows: Sendable {
    /// What a step costs.
    public var cost: StepCost
    /// Most guesses for one sequence in a step.
    public static let longest = 12
    /// Most rows of a step with guesses.
    static let mostRows = 16
    /// How much more a row must bring than it costs: what is gained must outweigh what was estimated too well.
    private static let margin = 1.25

    /// Makes the windows of a replica.
    public init(cost: StepCost = StepCost()) { self.cost = cost }

    /// One sequence of a step.
    public struct Candidate: Sendable {
        /// The probability that a guess is right.
        public var probability: Double
        /// Tokens that are guessed at most.
        public var limit: Int

        /// Makes a candidate.
        public init(probability: Double, limit: Int) {
            self.probability = probability
            self.limit = limit
        }
    }

    /// The guesses of each candidate, in a step of `rows` rows without any.
    public func sizes(_ candidates: [Candidate], rows: Int) -> [Int] {
        var sizes = Array(repeating: 0, count: candidates.count)
        var chances = candidates.map(\.probability)
        var tokens = Double(rows)
        var total = rows
        while total < Self.mostRows {
            let open = candidates.indices.filter { sizes[$0] < min(candidates[$0].limit, Self.longest) }
            guard let best = open.max(by: { chances[$0] < chances[$1] }) else { break }
            let gain = chances[best] / tokens
            let price = cost.relative(rows: total + 1) / cost.relative(rows: total) - 1
            guard gain > price * Self.margin else { break }
            tokens += chances[best]
            total += 1
            sizes[best] += 1
            chances[best] *= candidates[best].probability
        }
        return sizes
    }
}
