/// The same number of layers for every stage, as a cluster of equal machines would have.
struct EvenSplit {
    let instance: PlanningInstance
    /// Tokens of KV cache that every stage has room for.
    let kvTokens: Int

    /// Layers of each stage; what cannot be divided goes to the first stages.
    static func layers(_ layers: Int, stages: Int) -> [Int] {
        (0..<stages).map { layers / stages + ($0 < layers % stages ? 1 : 0) }
    }

    /// An order of the chain in which every stage has room, or `nil`.
    func order(_ chain: [Int]) -> [Int]? {
        guard chain.count <= instance.layers else { return nil }
        let layers = Self.layers(instance.layers, stages: chain.count)
        let least = layers[layers.count - 1]
        guard
            chain.allSatisfy({ instance.capacity($0, tokens: kvTokens, first: false, last: false) >= least })
        else { return nil }
        let rating = GroupRating(instance: instance)
        return StageEnds(chain).first { rating.fits($0, layers, tokens: kvTokens) }
    }
}
