import Glibc

/// Looks now and then at what those who watch the cluster are told of.
struct Lookout: Sendable {
    /// Seconds between looks while somebody watches, and while nobody does: then only for what is remembered for who comes later.
    private static let pause = (watched: 0.5, unwatched: 1.0)

    let events: ClusterEvents
    let admission: Admission
    private var lookedAt = -Double.infinity

    init(events: ClusterEvents, admission: Admission) {
        self.events = events
        self.admission = admission
    }

    /// Whether it is time to look, at a tick of the run loop; then the next time is later.
    mutating func isDue(at now: Double) -> Bool {
        // Ticks may come as far apart as looks, a little sooner or later.
        guard now - lookedAt >= 0.9 * (events.isWatched ? Self.pause.watched : Self.pause.unwatched) else {
            return false
        }
        lookedAt = now
        return true
    }

    /// Has those who watch told what is new.
    ///
    /// - Parameter now: seconds of the gateway's clock.
    func look(at now: Double) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        events.advance(
            at: now, wallMilliseconds: time.tv_sec * 1000 + time.tv_nsec / 1_000_000,
            obstacle: admission.nextObstacle(at: now))
    }
}
