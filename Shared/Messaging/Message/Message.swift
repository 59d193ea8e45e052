/// What one send hands over and one receive gives back: all frames or none.
public struct Message: Sendable {
    /// Who sent it, on a ROUTER; `nil` on other sockets.
    public var peer: PeerIdentity?
    /// The public key (Z85) of who sent it, on a CURVE server of a context that authenticates; `nil` elsewhere.
    public var user: String?
    /// The topic, on a SUB; `nil` on other sockets.
    public var topic: String?
    /// The payload, without routing id and topic.
    public var frames: [Frame]

    /// Makes a message.
    public init(peer: PeerIdentity? = nil, user: String? = nil, topic: String? = nil, frames: [Frame]) {
        self.peer = peer
        self.user = user
        self.topic = topic
        self.frames = frames
    }

    /// Bytes of all frames.
    public var byteCount: Int { frames.reduce(0) { $0 + $1.count } }
}
