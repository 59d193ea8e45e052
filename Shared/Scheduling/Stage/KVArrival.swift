public import Domain

/// Follows the KV cache of one sequence that arrives on a decoder stage in chunks: per layer, positions in order.
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
    private var next: [Int]

    /// Makes a record for a transfer of `total` positions.
    public init(layers: LayerRange, total: Int) {
        self.layers = layers
        self.total = total
        self.next = Array(repeating: 0, count: layers.count)
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
        guard index.allSatisfy({ next[$0] == start }) else { throw .outOfOrder }
        for layer in index { next[layer] = start + count }
        return true
    }
}
