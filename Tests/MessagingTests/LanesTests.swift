import Testing

@testable import Messaging

/// The queues of a ROUTER and whose turn it is, without sockets.
@Suite struct LanesTests {
    private func lanes(lane: Int = 4, total: Int = 8, count: Int = 100) -> Lanes {
        var options = SocketOptions()
        options.peerQueue = QueueLimit(messages: lane, bytes: 1000)
        options.allPeersQueue = QueueLimit(messages: total, bytes: 2000)
        options.maximumQueuedPeers = count
        return Lanes(bounds: LaneBounds(options, role: .router))
    }

    private func offer(_ text: String, to peer: PeerIdentity, _ lanes: inout Lanes) -> Bool {
        guard lanes.makeRoom(for: peer) else { return false }
        lanes.append(Lanes.Item([Frame(text)]), to: peer)
        return true
    }

    @Test func oneLaneIsBoundedAndKeepsItsOrder() {
        var lanes = lanes()
        for index in 0..<4 { #expect(offer("\(index)", to: "a", &lanes)) }
        #expect(!offer("4", to: "a", &lanes))
        #expect(offer("x", to: "b", &lanes))
        #expect(lanes.takeNews().fresh == ["a", "b"])
        for index in 0..<4 {
            #expect(lanes.first(of: "a")?.frames.first?.bytes == Array("\(index)".utf8))
            lanes.removeFirst(of: "a")
        }
        #expect(lanes.first(of: "a") == nil)
        #expect(lanes.messages == 1 && lanes.bytes == 1)
        #expect(offer("again", to: "a", &lanes))
        #expect(lanes.takeNews().fresh == ["a"])
    }

    @Test func theLargestLaneThatDoesNotMoveMakesRoom() {
        var lanes = lanes()
        for index in 0..<4 { _ = offer("\(index)", to: "stuck", &lanes) }
        for index in 0..<3 { _ = offer("\(index)", to: "small", &lanes) }
        _ = offer("1", to: "moving", &lanes)
        #expect(!offer("no", to: "new", &lanes), "nobody is blocked")
        lanes.block("stuck")
        lanes.block("small")
        #expect(offer("yes", to: "new", &lanes))
        #expect(lanes.takeNews().displaced == ["stuck": 4])
        #expect(lanes.messages == 5)
        for index in 0..<3 { _ = offer("\(index)", to: "new", &lanes) }
        #expect(!offer("own", to: "small", &lanes), "a blocked lane does not make room for itself")
        #expect(lanes.first(of: "small") != nil)
    }

    @Test func manyIdentitiesAreBounded() {
        var lanes = lanes(total: 1000, count: 10)
        var displaced = 0
        for index in 0..<500 {
            let peer = PeerIdentity("hostile\(index)")
            #expect(offer("x", to: peer, &lanes))
            lanes.block(peer)
            displaced += lanes.takeNews().displaced.count
            #expect(lanes.messages <= 10)
        }
        #expect(displaced == 490)
        #expect(offer("x", to: "honest", &lanes))
    }

    @Test func turnsGoRound() {
        var turns = SendTurns(stallLimit: .seconds(5))
        for peer: PeerIdentity in ["a", "b", "a", "c"] { turns.add(peer) }
        var served: [PeerIdentity] = []
        for _ in 0..<6 {
            guard let peer = turns.next() else { break }
            served.append(peer)
            turns.again(peer)
        }
        #expect(served == ["a", "b", "c", "a", "b", "c"])
    }

    @Test func blockedLanesAreTriedLaterAndGivenUp() throws {
        var turns = SendTurns(stallLimit: .seconds(5))
        let start = ContinuousClock.now
        turns.add("a")
        var (now, attempts) = (start, 0)
        while turns.next() == "a", turns.refused("a", at: now) {
            attempts += 1
            turns.add("a")
            let early = turns.next()
            #expect(early == nil, "new work does not shorten the wait")
            let retry = try #require(turns.nextRetry)
            #expect(retry > now && retry <= now + .milliseconds(64))
            now = retry
            turns.wakeDue(at: now)
        }
        #expect(start.duration(to: now) >= .seconds(5) && start.duration(to: now) < .milliseconds(5100))
        #expect(attempts < 100)
        // Progress starts the limit anew.
        turns.add("a")
        let refusals = [
            turns.next() == "a" && turns.refused("a", at: now),
            {
                turns.progressed("a")
                turns.again("a")
                return turns.next() == "a" && turns.refused("a", at: now + .seconds(6))
            }(),
        ]
        #expect(refusals == [true, true])
        turns.forget("a")
        turns.wakeDue(at: now + .seconds(60))
        let forgotten = turns.next()
        #expect(forgotten == nil)
    }
}
