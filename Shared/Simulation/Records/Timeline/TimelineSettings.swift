/// What a run's timeline holds. Means over time are always recorded, single intervals up to a limit.
public struct TimelineSettings: Sendable, Hashable {
    /// Most steps on stages, and most transfers, that are recorded one by one.
    public var mostIntervals = 20_000
    /// Moment from which on they are, in seconds from the start of the run's clock.
    public var from = 0.0

    /// Makes the defaults.
    public init() {}

    /// What is wrong, naming the field; `nil` where nothing is.
    var problem: String? {
        if !(0...10_000_000).contains(mostIntervals) { return "intervals: \(mostIntervals) is not in 0...10000000" }
        if !from.isFinite { return "from: \(from) is no moment" }
        return nil
    }
}
