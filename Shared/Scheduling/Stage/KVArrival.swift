public import Domain

/// Follows the KV cache of one sequence that arrives on a decoder stage in chunks: per layer, positions in order. Of
/// layers with a sliding window what lies before the window may be left out, and of all layers what is held already.
public struct KVArrival: Sendable, Hashable {
    /// What is wrong with a chunk.
    public enum Refusal: Error, Sendable, Hashable {
        /// It holds layers that the stage does not have.
        case foreignLayers
        /// Its positions do not follow those that came before, or go beyond the total.
        case outOfOrder
        /// Its total differs from the first chunk's.
        case differentTotal
    }

    /// The stage's layers.
    public let layers: LayerRange
    /// Positions of the whole transfer.
    public let total: Int
    /// Positions that are there without a transfer.
    public private(set) var held = 0
    private var next: [Int]
    /// The first position that is needed, per layer.
    private let first: [Int]

    /// Makes a record for a transfer of `total` positions of a model; without one, of layers that see everything.
    public init(layers: LayerRange, total: Int, model: ModelDescription? = nil) {
        self.layers = layers
        self.total = total
        first = layers.range.map { model?.firstHandedOver(layer: $0, tokens: total) ?? 0 }
        self.next = Array(repeating: 0, count: layers.count)
    }

    /// The sequence begins with so many positions that are there already, fewer than all.
    public mutating func hold(_ positions: Int) {
        held = max(held, min(positions, total - 1))
        for layer in next.indices { next[layer] = max(next[layer], held) }
    }

    /// Whether every layer has every position.
    public var isComplete: Bool { next.allSatisfy { $0 == total } }

    /// Accepts a chunk; returns `false` for one that came before (a repeated message), which must be ignored.
    public mutating func accept(
        layers chunk: LayerRange, start: Int, count: Int, total: Int
    ) throws(Refusal) -> Bool {
        guard !chunk.isEmpty, layers.contains(chunk) else { throw .foreignLayers }
        guard total == self.total else { throw .differentTotal }
        guard start >= 0, count > 0, count <= total - start else { throw .outOfOrder }
        let index = chunk.start - layers.start..<chunk.end - layers.start
        if index.allSatisfy({ next[$0] >= start + count }) { return false }
        // Of a piece that was sent before its sender knew what is held, the rest is new.
        let begin = max(start, held)
        guard index.allSatisfy({ next[$0] == begin || (next[$0] < start && start <= first[$0]) }) else {
            throw .outOfOrder
        }
        for layer in index { next[layer] = start + count }
        return true
    }
}
