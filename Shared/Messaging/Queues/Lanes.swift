/// How much may wait in front of a socket.
struct LaneBounds: Sendable {
    /// In one lane.
    let lane: QueueLimit
    /// In all lanes together; never less than one lane may hold.
    let total: QueueLimit
    /// Lanes that hold something.
    let count: Int

    init(_ options: SocketOptions, role: SocketRole) {
        let isRouter = if case .router = role { true } else { false }
        let all = options.allPeersQueue
        lane = isRouter ? options.peerQueue : options.sendQueue
        total = QueueLimit(messages: max(lane.messages, all.messages), bytes: max(lane.bytes, all.bytes))
        count = max(1, options.maximumQueuedPeers)
    }
}

/// Messages that wait to be sent, as a value: one lane per peer, the bounds, and who makes room for whom.
///
/// A lane exists while it holds something. Where a bound over all lanes is reached, the largest lane that libzmq takes
/// nothing of is emptied, so that peers that do not read cost each other their messages and nobody else.
struct Lanes {
    struct Item: Sendable {
        let frames: [Frame]
        let byteCount: Int
        /// Emulated arrival over a shaped link; not handed over before.
        var deliverAt: ContinuousClock.Instant?

        init(_ frames: [Frame]) {
            // A message needs one frame at least: without any, nothing would end it on the wire.
            self.frames = frames.isEmpty ? [Frame([])] : frames
            byteCount = frames.reduce(0) { $0 + $1.count }
        }
    }

    private struct Lane {
        var queue = FIFO<Item>()
        var bytes = 0
        /// libzmq has refused the first message, and taken none since.
        var isBlocked = false
    }

    /// What the socket thread has to learn.
    struct News {
        /// Lanes that were emptied to make room, with the messages lost.
        var displaced: [PeerIdentity: Int] = [:]
        /// Lanes that hold something since the last time.
        var fresh: [PeerIdentity] = []
    }

    private let bounds: LaneBounds
    private var lanes: [PeerIdentity: Lane] = [:]
    private var news = News()
    private(set) var messages = 0
    private(set) var bytes = 0

    init(bounds: LaneBounds) { self.bounds = bounds }

    var isEmpty: Bool { lanes.isEmpty }

    /// Whether one more message for the peer fits; makes room at the expense of blocked lanes.
    mutating func makeRoom(for peer: PeerIdentity) -> Bool {
        let own = lanes[peer]
        if let own, bounds.lane.isReached(messages: own.queue.count, bytes: own.bytes) { return false }
        while bounds.total.isReached(messages: messages, bytes: bytes) || (own == nil && lanes.count >= bounds.count) {
            guard let largest = largestBlocked, largest != peer else { return false }
            news.displaced[largest, default: 0] += remove(largest).count
        }
        return true
    }

    private var largestBlocked: PeerIdentity? {
        lanes.filter(\.value.isBlocked).max { share($0.value) < share($1.value) }?.key
    }

    private func share(_ lane: Lane) -> Double {
        max(
            Double(lane.queue.count) / Double(bounds.lane.messages), Double(lane.bytes) / Double(bounds.lane.bytes))
    }

    /// Adds a message that fits.
    mutating func append(_ item: Item, to peer: PeerIdentity) {
        // The lane is taken out of the dictionary first, so that appending does not copy its array.
        var lane = lanes.removeValue(forKey: peer) ?? Lane()
        if lane.queue.isEmpty { news.fresh.append(peer) }
        lane.queue.append(item)
        lane.bytes += item.byteCount
        messages += 1
        bytes += item.byteCount
        lanes[peer] = lane
    }

    func first(of peer: PeerIdentity) -> Item? { lanes[peer]?.queue.first }

    /// The first message has left.
    mutating func removeFirst(of peer: PeerIdentity) {
        guard var lane = lanes.removeValue(forKey: peer), let item = lane.queue.popFirst() else { return }
        lane.bytes -= item.byteCount
        lane.isBlocked = false
        messages -= 1
        bytes -= item.byteCount
        if !lane.queue.isEmpty { lanes[peer] = lane }
    }

    /// libzmq has no room for the first message.
    mutating func block(_ peer: PeerIdentity) { lanes[peer]?.isBlocked = true }

    /// Empties a lane; gives back what was in it.
    mutating func remove(_ peer: PeerIdentity) -> [Item] {
        guard var lane = lanes.removeValue(forKey: peer) else { return [] }
        var items: [Item] = []
        while let item = lane.queue.popFirst() { items.append(item) }
        messages -= items.count
        bytes -= lane.bytes
        return items
    }

    /// What has happened since the last call.
    mutating func takeNews() -> News {
        defer { news = News() }
        return news
    }
}
