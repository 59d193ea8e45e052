import Synchronization

/// How fast a link is.
public struct LinkShape: Sendable, Hashable {
    /// Bytes per second; infinite means that size costs no time.
    public var bytesPerSecond: Double
    /// Time from the last byte leaving to its arrival.
    public var latency: Duration

    /// Makes a shape; rates that are not positive are taken as infinite.
    public init(bytesPerSecond: Double, latency: Duration) {
        self.bytesPerSecond = bytesPerSecond > 0 ? bytesPerSecond : .infinity
        self.latency = max(.zero, latency)
    }

    /// How long the link is busy with this many bytes.
    func occupancy(byteCount: Int) -> Duration {
        guard bytesPerSecond.isFinite else { return .zero }
        return .seconds(Double(byteCount) / bytesPerSecond)
    }
}

/// When a serial link is free again: the arithmetic of `ShapedLink` as a value.
struct LinkSchedule {
    let shape: LinkShape
    private(set) var freeAt: ContinuousClock.Instant?

    init(shape: LinkShape) { self.shape = shape }

    /// Occupies the link after everything before it; gives the instant of arrival.
    mutating func reserve(byteCount: Int, at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let start = max(now, freeAt ?? now)
        let free = start + shape.occupancy(byteCount: byteCount)
        freeAt = free
        return free + shape.latency
    }
}

/// The egress of one device, emulated: messages of all sockets that share it leave one after the other at its rate and
/// arrive after its latency. Used to make devices on one machine unequal.
public final class ShapedLink: Sendable {
    /// Rate and latency.
    public let shape: LinkShape
    private let schedule: Mutex<LinkSchedule>

    /// Makes a link.
    public init(_ shape: LinkShape) {
        self.shape = shape
        schedule = Mutex(LinkSchedule(shape: shape))
    }

    func reserve(byteCount: Int, at now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        schedule.withLock { $0.reserve(byteCount: byteCount, at: now) }
    }
}
