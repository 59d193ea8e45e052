public import Domain

/// Messages between stages about KV cache that is kept for requests to come.
extension MessageType {
    /// stage -> next stage: `PrefixDrop`, blocks of KV cache that need not be kept any more (since 1.2).
    public static let prefixDrop: MessageType = "prefix.drop"
    /// stage -> next stage: `PrefixFound`, a sequence begins with more blocks than when it was opened (since 1.2).
    public static let prefixFound: MessageType = "prefix.found"
    /// later stage -> first stage: `PrefixLost`, it lacks blocks that it should have kept (since 1.2).
    public static let prefixLost: MessageType = "prefix.lost"
    /// first decoder stage -> first prefill stage, and stage -> next stage of the prefill replica: `SequenceHeld`, how much of
    /// a prompt need not be handed over (since 1.2).
    public static let sequenceHeld: MessageType = "sequence.held"
}

/// The decoder replica has the beginning of the KV cache of the request that the envelope names.
public struct SequenceHeld: Codable, Sendable, Hashable {
    /// Positions from 0 on that need not be handed over; 0 for none.
    public var tokens: Int

    /// Makes the body.
    public init(tokens: Int) { self.tokens = tokens }
}

/// Blocks of KV cache of a replica that need not be kept any more.
public struct PrefixDrop: Codable, Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// The blocks; one that a sequence has goes with it.
    public var blocks: [KVBlockRun]

    /// Makes the body.
    public init(replica: ReplicaID, blocks: [KVBlockRun]) {
        self.replica = replica
        self.blocks = blocks
    }
}

/// The sequence that the envelope names, of which nothing has been computed, begins with other blocks than `sequence.open` said.
public struct PrefixFound: Codable, Sendable, Hashable {
    /// With which blocks it begins, and the name of the first one that is its own.
    public var prefix: SequencePrefix

    /// Makes the body.
    public init(prefix: SequencePrefix) { self.prefix = prefix }
}

/// A later stage of a replica lacks blocks of KV cache that it should have kept: the first one counts on none any more.
public struct PrefixLost: Codable, Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID

    /// Makes the body.
    public init(replica: ReplicaID) { self.replica = replica }
}
