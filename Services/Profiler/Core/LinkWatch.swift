import Domain

/// When a measured link is looked at again, and whether it has become another one.
///
/// A link that is busy answers like a slow one, so that a single look changes nothing: it is another link when several looks
/// in a row, some seconds apart, all find so. The best of them counts then.
struct LinkWatch: Sendable, Hashable {
    /// Looks in a row that must agree.
    static let looks = 3
    /// Seconds between them.
    static let pause = 5.0
    /// A rate that differs by less than this factor is the same.
    static let rateFactor = 3.0
    /// A latency that differs by less than this factor, or by less than `latencySeconds`, is the same.
    static let latencyFactor = 4.0
    static let latencySeconds = 2e-3

    /// When it was last looked at.
    private(set) var lookedAt: Double
    private var best: LinkProfile?
    private var count = 0

    /// A link that was measured at `now`.
    init(at now: Double) { lookedAt = now }

    /// When it is looked at next, where one that has not changed is looked at every `seconds`.
    func nextLook(every seconds: Double) -> Double { lookedAt + (count > 0 ? min(Self.pause, seconds) : seconds) }

    /// A look that failed says nothing about the link.
    mutating func failed(at now: Double) { lookedAt = now }

    /// A look found `seen` where `known` is believed; returns what is to be believed from now on, if that is another.
    mutating func note(_ seen: LinkProfile, known: LinkProfile, at now: Double) -> LinkProfile? {
        lookedAt = now
        guard Self.differs(seen, known) else {
            (best, count) = (nil, 0)
            return nil
        }
        count += 1
        if let earlier = best {
            best?.bytesPerSecond = max(earlier.bytesPerSecond, seen.bytesPerSecond)
            best?.latencySeconds = min(earlier.latencySeconds, seen.latencySeconds)
        } else {
            best = seen
        }
        guard count >= Self.looks, let found = best else { return nil }
        (best, count) = (nil, 0)
        return Self.differs(found, known) ? found : nil
    }

    private static func differs(_ one: LinkProfile, _ other: LinkProfile) -> Bool {
        let rate = max(one.bytesPerSecond, other.bytesPerSecond) / min(one.bytesPerSecond, other.bytesPerSecond)
        let (low, high) = (
            min(one.latencySeconds, other.latencySeconds), max(one.latencySeconds, other.latencySeconds)
        )
        return rate >= rateFactor || (high - low >= latencySeconds && high >= low * latencyFactor)
    }
}
