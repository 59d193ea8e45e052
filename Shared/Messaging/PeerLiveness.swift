/// When a peer counts as lost.
public struct LivenessPolicy: Sendable, Hashable {
    /// Between two heartbeats.
    public var interval: Duration
    /// Heartbeats that may be missed in a row.
    public var allowedMisses: Int

    /// Makes a policy.
    public init(interval: Duration = .seconds(1), allowedMisses: Int = 3) {
        self.interval = interval
        self.allowedMisses = max(1, allowedMisses)
    }

    /// Silence after which a peer is lost.
    public var timeout: Duration { interval * allowedMisses }
}

/// Whether one peer is alive, and when to send it a heartbeat. A value: the caller passes the instants.
///
/// ```
///            heard                   heard (.recovered)
///   alive ----------> alive    lost -------------------> alive
///   alive --- check, silent for the timeout (.lost) ---> lost
/// ```
/// Any traffic counts as a heartbeat, in both directions.
public struct PeerLiveness<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    /// What changed.
    public enum Transition: Sendable, Hashable {
        /// The peer has been silent for too long.
        case lost
        /// A lost peer spoke again.
        case recovered
    }

    /// The rules.
    public let policy: LivenessPolicy
    /// When the peer was heard last.
    public private(set) var lastHeard: Instant
    /// Whether the peer counts as alive.
    public private(set) var isAlive = true
    private var nextHeartbeat: Instant

    /// Starts alive, as if the peer had been heard now; a first heartbeat is due at once.
    public init(policy: LivenessPolicy = LivenessPolicy(), at now: Instant) {
        self.policy = policy
        lastHeard = now
        nextHeartbeat = now
    }

    /// Something came from the peer. Instants that go back are ignored.
    public mutating func heard(at now: Instant) -> Transition? {
        lastHeard = max(lastHeard, now)
        guard !isAlive else { return nil }
        isAlive = true
        return .recovered
    }

    /// Looks at the clock; reports a loss once.
    public mutating func check(at now: Instant) -> Transition? {
        guard isAlive, now >= lastHeard.advanced(by: policy.timeout) else { return nil }
        isAlive = false
        return .lost
    }

    /// Something was sent to the peer: the next heartbeat is due an interval later.
    public mutating func sent(at now: Instant) {
        nextHeartbeat = max(nextHeartbeat, now.advanced(by: policy.interval))
    }

    /// Whether a heartbeat is due.
    public func isHeartbeatDue(at now: Instant) -> Bool { now >= nextHeartbeat }

    /// When to look again: the next heartbeat, or the loss if it comes first.
    public var nextDeadline: Instant {
        isAlive ? min(nextHeartbeat, lastHeard.advanced(by: policy.timeout)) : nextHeartbeat
    }

    /// Heartbeats missed in a row.
    public func misses(at now: Instant) -> Int {
        let silence = lastHeard.duration(to: now)
        return silence > .zero ? Int(silence / policy.interval) : 0
    }
}
