import Messaging
import Testing

@Suite struct PeerLivenessTests {
    typealias Liveness = PeerLiveness<ContinuousClock.Instant>

    enum Step: Sendable {
        case heard(Double, Liveness.Transition?)
        case check(Double, Liveness.Transition?)
    }

    static let tables: [[Step]] = [
        // Three missed heartbeats lose a peer, once.
        [.check(0, nil), .check(2.999, nil), .check(3, .lost), .check(4, nil), .check(100, nil)],
        // Any traffic counts.
        [.heard(2.9, nil), .check(5.8, nil), .heard(5.8, nil), .check(8.7, nil), .check(8.8, .lost)],
        // It comes back, and may be lost again.
        [.check(3, .lost), .heard(7, .recovered), .heard(7.5, nil), .check(10.4, nil), .check(10.5, .lost)],
        // A clock that goes back changes nothing.
        [.heard(5, nil), .heard(1, nil), .check(2, nil), .check(7.9, nil), .check(8, .lost)],
    ]

    @Test(arguments: tables) func transitions(_ steps: [Step]) {
        let start = ContinuousClock.now
        var liveness = Liveness(at: start)
        for step in steps {
            switch step {
            case .heard(let time, let expected):
                #expect(liveness.heard(at: start + .seconds(time)) == expected, "\(step)")
                #expect(liveness.isAlive)
            case .check(let time, let expected):
                #expect(liveness.check(at: start + .seconds(time)) == expected, "\(step)")
            }
        }
    }

    @Test func heartbeatsAreDueAnIntervalAfterAnythingSent() {
        let start = ContinuousClock.now
        var liveness = Liveness(policy: LivenessPolicy(interval: .seconds(2), allowedMisses: 4), at: start)
        #expect(liveness.policy.timeout == .seconds(8))
        #expect(liveness.isHeartbeatDue(at: start))
        liveness.sent(at: start)
        #expect(!liveness.isHeartbeatDue(at: start + .seconds(1.9)))
        #expect(liveness.nextDeadline == start + .seconds(2))
        liveness.sent(at: start + .seconds(1))
        #expect(!liveness.isHeartbeatDue(at: start + .seconds(2)))
        #expect(liveness.isHeartbeatDue(at: start + .seconds(3)))
        #expect(liveness.misses(at: start + .seconds(5)) == 2)
        #expect(liveness.misses(at: start) == 0)
        liveness.sent(at: start + .seconds(7))
        #expect(liveness.nextDeadline == start + .seconds(8))
        #expect(liveness.check(at: start + .seconds(8)) == .lost)
        #expect(liveness.nextDeadline == start + .seconds(9))
    }
}
