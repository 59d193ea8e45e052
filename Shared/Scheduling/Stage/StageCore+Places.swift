public import Domain

/// Which stage of which replica a slot holds.
public struct StagePlace: Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// The index of the stage in it.
    public var stage: Int
}

extension StageCore {
    /// What a slot holds now; `nil` where nothing.
    public func place(of slot: Int) -> StagePlace? {
        stages[slot].map { StagePlace(replica: $0.replica.id, stage: $0.index) }
    }
}
