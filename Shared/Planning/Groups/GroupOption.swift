public import Domain

/// A group of devices in a role: order, layers, and what it can do with them.
public struct GroupOption: Sendable, Hashable {
    /// The role.
    public var role: ReplicaRole
    /// Devices in stage order, as indices into `FleetCost.devices`.
    public var order: [Int]
    /// Layers of every stage.
    public var layers: [Int]
    /// Seconds after which the next mean prompt may follow: the slowest stage or hop. 0 for decoders.
    public var prefillCycle = 0.0
    /// Seconds of a mean prompt through the group. 0 for decoders.
    public var prefillLatency = 0.0
    /// Sequences that decode together; 0 for prefill groups.
    public var concurrency = 0
    /// Micro-batches in which they travel.
    public var microBatches = 0
    /// Seconds between two tokens of a sequence at that concurrency; 0 for prefill groups.
    public var tokenGap = 0.0
    /// Requests per second that the group sustains in its phases, the KV through its devices' own ports included.
    public var rate = 0.0
}

/// What a group of devices is worth in every role; `nil` where it cannot take it.
struct GroupValue: Sendable {
    var prefill: GroupOption?
    var decode: GroupOption?
    var mixed: GroupOption?

    subscript(role: ReplicaRole) -> GroupOption? {
        switch role {
        case .prefill: prefill
        case .decode: decode
        case .mixed: mixed
        }
    }

    var isEmpty: Bool { prefill == nil && decode == nil && mixed == nil }
}
