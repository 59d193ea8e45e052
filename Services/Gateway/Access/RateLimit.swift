/// Requests of one key: as many at once as a minute allows, then one whenever another has become due.
struct RateLimit: Sendable, Hashable {
    private let perSecond: Double
    private let most: Double
    private var left: Double
    private var last: Double?

    /// Allows so many requests a minute.
    init(perMinute: Int) {
        perSecond = Double(perMinute) / 60
        most = Double(perMinute)
        left = most
    }

    /// Takes a request at a time in seconds; returns the seconds to wait where it comes too early.
    mutating func take(at now: Double) -> Double? {
        if let last { left = min(most, left + max(0, now - last) * perSecond) }
        last = max(now, last ?? now)
        guard left >= 1 else { return (1 - left) / perSecond }
        left -= 1
        return nil
    }
}
