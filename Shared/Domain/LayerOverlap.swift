/// The layers that a stage of one replica and a stage of another one both hold: what KV cache goes from the one to the other.
public struct LayerOverlap: Sendable, Hashable {
    /// Which stage of the replica that has the KV cache.
    public let source: Int
    /// Which stage of the replica that gets it.
    public let target: Int
    /// The layers that both hold; at least one.
    public let layers: LayerRange

    /// All overlaps of two replicas in the order of their sources, those of one source in the order of their targets.
    public static func between(_ sources: [PlanStage], _ targets: [PlanStage]) -> [LayerOverlap] {
        var overlaps: [LayerOverlap] = []
        for (source, sender) in sources.enumerated() {
            for (target, receiver) in targets.enumerated() {
                guard let layers = sender.layers.intersection(receiver.layers) else { continue }
                overlaps.append(LayerOverlap(source: source, target: target, layers: layers))
            }
        }
        return overlaps
    }
}
