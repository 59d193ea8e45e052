/// What a step of decode rows takes on this replica, as lately measured: some time for the weights and some for every row.
/// A line through what was seen, newer steps counting more.
public struct StepCost: Sendable, Hashable {
    private var weight = 0.0
    private var rows = 0.0
    private var seconds = 0.0
    private var rowsSquared = 0.0
    private var product = 0.0

    /// Weight of what was seen a step ago: about a hundred steps count.
    private static let memory = 0.99
    /// What a row more costs where that was not seen, as a share of a step of one row.
    private static let assumedShare = 0.15
    /// The least and the most that it is taken for.
    private static let shares = 0.02...1.0
    /// A step that took more than this many times what was expected was disturbed.
    private static let disturbed = 3.0

    /// Makes the cost of a replica that has not computed yet.
    public init() {}

    /// A step of decode rows only has come back after so long, and no other was under way.
    public mutating func note(rows count: Int, seconds taken: Double) {
        guard count > 0, taken > 0, taken.isFinite else { return }
        let expected = weight > 4 ? self.taken(rows: count) : taken
        let taken = min(taken, expected * Self.disturbed)
        let x = Double(count)
        weight = weight * Self.memory + 1
        rows = rows * Self.memory + x
        seconds = seconds * Self.memory + taken
        rowsSquared = rowsSquared * Self.memory + x * x
        product = product * Self.memory + x * taken
    }

    /// What a row more costs, as a share of what a step of one row takes.
    public var rowShare: Double {
        guard weight > 0, seconds > 0 else { return Self.assumedShare }
        let mean = (rows: rows / weight, seconds: seconds / weight)
        let variance = rowsSquared / weight - mean.rows * mean.rows
        guard variance > 0.05 else { return Self.assumedShare }
        let slope = (product / weight - mean.rows * mean.seconds) / variance
        let one = mean.seconds - slope * (mean.rows - 1)
        guard one > 0 else { return Self.shares.upperBound }
        return min(max(slope / one, Self.shares.lowerBound), Self.shares.upperBound)
    }

    /// What a step of so many rows takes, in steps of one row.
    public func relative(rows: Int) -> Double { 1 + rowShare * Double(max(0, rows - 1)) }

    private func taken(rows count: Int) -> Double {
        let mean = rows / weight
        return seconds / weight * relative(rows: count) / (1 + rowShare * max(0, mean - 1))
    }
}
