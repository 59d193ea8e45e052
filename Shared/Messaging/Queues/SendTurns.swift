/// Whose turn it is to send on a ROUTER, as a value: lanes with work go round, lanes that libzmq has no room for are tried
/// again later and given up after a while.
///
/// ```
///            add            next                 again (more to send)
///   unknown -----> ready ---------> being served ---------------------> ready
///                    ^                |  refused                 (end of the line)
///                    +--- wakeDue -- blocked -- refused for the limit --> unknown
/// ```
struct SendTurns {
    private struct Blocked {
        /// The first refusal since something was sent.
        let since: ContinuousClock.Instant
        var delay: Duration
        /// `nil` while the lane is ready for another attempt.
        var retryAt: ContinuousClock.Instant?
    }

    /// Waits before a lane is tried again, doubling: libzmq does not tell when a ROUTER has room for a peer.
    private static let delays: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(64)

    private let stallLimit: Duration
    private var ready = FIFO<PeerIdentity>()
    /// What `ready` holds, so that nobody is in line twice.
    private var inLine: Set<PeerIdentity> = []
    private var blocked: [PeerIdentity: Blocked] = [:]
    /// When the first blocked lane is due; may be too early, never too late.
    private(set) var nextRetry: ContinuousClock.Instant?

    init(stallLimit: Duration) { self.stallLimit = stallLimit }

    var hasReady: Bool { !ready.isEmpty }

    /// A lane has work. One that is blocked waits for its time all the same.
    mutating func add(_ peer: PeerIdentity) {
        if blocked[peer] == nil { again(peer) }
    }

    /// The lane to serve.
    mutating func next() -> PeerIdentity? {
        guard let peer = ready.popFirst() else { return nil }
        inLine.remove(peer)
        return peer
    }

    /// The lane served has more to send.
    mutating func again(_ peer: PeerIdentity) {
        if inLine.insert(peer).inserted { ready.append(peer) }
    }

    /// A message of the lane was taken.
    mutating func progressed(_ peer: PeerIdentity) { blocked[peer] = nil }

    /// libzmq has no room for the lane served; `false` once that has been so for the limit: the lane is to be given up.
    mutating func refused(_ peer: PeerIdentity, at now: ContinuousClock.Instant) -> Bool {
        var entry = blocked[peer] ?? Blocked(since: now, delay: Self.delays.lowerBound / 2)
        guard entry.since.duration(to: now) < stallLimit else {
            blocked[peer] = nil
            return false
        }
        entry.delay = min(entry.delay * 2, Self.delays.upperBound)
        let retryAt = now + entry.delay
        entry.retryAt = retryAt
        blocked[peer] = entry
        nextRetry = nextRetry.map { min($0, retryAt) } ?? retryAt
        return true
    }

    /// A lane is gone.
    mutating func forget(_ peer: PeerIdentity) {
        // Blocked lanes are the only ones that go from outside; one may be ready for another attempt.
        guard blocked.removeValue(forKey: peer) != nil, inLine.remove(peer) != nil else { return }
        _ = ready.removeAll { $0 == peer }
    }

    /// Lanes whose time has come are ready again.
    mutating func wakeDue(at now: ContinuousClock.Instant) {
        guard let nextRetry, nextRetry <= now else { return }
        var earliest: ContinuousClock.Instant?
        for (peer, entry) in blocked {
            guard let retryAt = entry.retryAt else { continue }
            if retryAt <= now {
                blocked[peer]?.retryAt = nil
                again(peer)
            } else {
                earliest = earliest.map { min($0, retryAt) } ?? retryAt
            }
        }
        self.nextRetry = earliest
    }
}
