public import Domain
internal import Kernels

/// The packed weights of one layer. Stages of one process that hold the same layer share them.
@safe final class LayerWeights {
    /// The kernels' description; offsets into KV blocks are those of a stage, which sets them in its copy.
    let layer: e2_layer
    /// Bytes that the layer takes.
    let bytes: Int

    private let arena: WeightArena
    private let range: Range<Int>

    /// Packs a layer into the next bytes of an arena.
    init(_ source: LayerSource, _ loader: WeightLoader) throws {
        arena = loader.arena
        let start = arena.alignToPage()
        unsafe layer = unsafe try source.load(loader)
        range = start..<arena.used
        bytes = range.count
    }

    deinit { arena.release(range) }
}

/// The layers that a process has packed already, so that a stage that changes by a few layers loads those only.
///
/// Not thread-safe: it belongs to the compute thread, as the executors do.
public final class WeightStore {
    private struct Held {
        weak var weights: LayerWeights?
    }

    private var layers: [Int: Held] = [:]
    private var kept: [Int: LayerWeights] = [:]

    /// Makes a store without layers.
    public init() {}

    /// Layers of a range that are here.
    public func held(_ range: LayerRange) -> Int { range.range.count { layers[$0]?.weights != nil } }

    /// Keeps layers that are here, whoever frees them, until the next call; all others are only kept by their stages.
    public func keep(_ range: LayerRange?) {
        var next: [Int: LayerWeights] = [:]
        for layer in range?.range ?? 0..<0 { next[layer] = layers[layer]?.weights }
        kept = next
    }

    func weights(_ layer: Int) -> LayerWeights? { layers[layer]?.weights }

    func insert(_ weights: LayerWeights, _ layer: Int) { layers[layer] = Held(weights: weights) }
}
