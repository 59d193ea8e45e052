/// When a better plan is worth the move to it.
public struct MovingPolicy: Sendable, Hashable {
    /// Seconds over which a plan must earn what the move to it costs.
    public var horizonSeconds = 600.0
    /// Bytes of weights per second that a device reads and prepares.
    public var loadBytesPerSecond = 200e6
    /// Seconds after which requests on replicas that change are taken off them and computed anew elsewhere.
    public var mostDrainSeconds = 30.0
    /// Least share of the requests' time over the horizon that must be gained: predictions are not better than that.
    public var leastGain = 0.05
    /// Share of the horizon for which the weaker of both plans is taken to be used to 90 %: a plan that can carry more is
    /// worth having before the load comes.
    public var peakShare = 0.1

    /// Makes the defaults.
    public init() {}

    /// What is wrong with the policy, naming the field; `nil` where nothing is.
    public var problem: String? {
        let fields: [(String, Double, Double, Double)] = [
            ("horizon", horizonSeconds, 1, 1e9), ("load rate", loadBytesPerSecond, 1, 1e15),
            ("longest drain", mostDrainSeconds, 0, 1e6), ("least gain", leastGain, 0, 1e3),
            ("peak share", peakShare, 0, 1),
        ]
        for (name, value, low, high) in fields where !(value >= low && value <= high) {
            return "\(name): \(value) is not in \(low)...\(high)"
        }
        return nil
    }
}
