internal import Domain

/// Layers in proportion to the speed of each stage, as far as its memory allows.
struct SpeedSplit {
    let instance: PlanningInstance
    /// Tokens of KV cache that every stage must have room for.
    let kvTokens: Int
    /// Most stages for which every choice of first and last is rated.
    let mostEnds: Int

    /// An order of the chain that has room for the model, or `nil`.
    func order(_ chain: [Int]) -> [Int]? {
        let middle = chain.reduce(0) { $0 + instance.capacity($1, tokens: kvTokens, first: false, last: false) }
        guard chain.count <= instance.layers, middle >= instance.layers else { return nil }
        return StageEnds(chain).first { order in
            let rooms = order.indices.map { capacity(order, $0, tokens: kvTokens) }
            return rooms.allSatisfy { $0 > 0 } && rooms.reduce(0, +) >= instance.layers
        }
    }

    /// What a group is worth in every role when its layers suit the speed of its devices in that role; with `keepsRoom` only
    /// where that leaves room for as many sequences as any split leaves room for: rates by estimate do not know how much
    /// lengths vary.
    func value(_ order: [Int], keepsRoom: Bool = false) -> GroupValue {
        let orders = order.count <= mostEnds ? Array(StageEnds(order)) : [order, order.reversed()]
        let rating = GroupRating(instance: instance)
        var best = GroupValue()
        for order in orders {
            for layers in splits(order, keepsRoom) {
                let value = rating.value(order, layers)
                best.prefill = better(best.prefill, value.prefill)
                best.decode = better(best.decode, value.decode)
                best.mixed = better(best.mixed, value.mixed)
            }
        }
        return best
    }

    private func better(_ old: GroupOption?, _ new: GroupOption?) -> GroupOption? {
        guard let old, let new else { return old ?? new }
        return new.rate > old.rate * (1 + 1e-9) ? new : old
    }

    /// Splits by prefill speed, by decode speed and by both together, each at every concurrency, whose KV leaves less room
    /// for layers the higher it is; and the even split, which is what equal devices have anyway and sometimes leaves more
    /// room for KV.
    private func splits(_ order: [Int], _ keepsRoom: Bool) -> [[Int]] {
        let even = EvenSplit.layers(instance.layers, stages: order.count)
        guard order.count > 1 else { return [even] }
        var splits = keepsRoom ? [] : [even]
        var known = Set(splits)
        let output = max(1, instance.demand.outputTokens)
        let width = instance.largestBatch + 1
        let prefill = order.map { instance.prefillSeconds[$0] }
        let prefillHead = order.map { instance.prefillHeadSeconds[$0] }
        var filling = LayerFilling(layers: instance.layers)
        func add(_ tokens: Int, _ seconds: [Double], _ heads: [Double]) {
            // A device that was not measured for a phase has no speed to split by.
            guard seconds.allSatisfy(\.isFinite), heads.allSatisfy(\.isFinite) else { return }
            filling.reset(order.count)
            for place in order.indices {
                filling.capacities[place] = capacity(order, place, tokens: tokens)
                filling.seconds[place] = seconds[place]
                filling.fixed[place] = place == order.count - 1 ? heads[place] : 0
            }
            if filling.leastSlowest() != nil, known.insert(filling.counts).inserted { splits.append(filling.counts) }
        }
        if !keepsRoom { add(instance.prefillTokens, prefill, prefillHead) }
        let most = keepsRoom ? mostSequences(order) : 1
        for concurrency in keepsRoom ? most...most : 1...instance.largestBatch {
            let tokens = instance.decodeTokens[concurrency]
            add(tokens, prefill, prefillHead)
            for microBatches in 1...min(order.count, concurrency) {
                let batch = (concurrency + microBatches - 1) / microBatches
                let decode = order.map { instance.decodeSeconds[$0 * width + batch] }
                let decodeHead = order.map { instance.headSeconds[$0 * width + batch] }
                add(tokens, decode, decodeHead)
                // Seconds per request: one prompt, and one sequence's share of all decode steps.
                let share = output / Double(batch)
                add(
                    tokens, zip(prefill, decode).map { $0 + share * $1 },
                    zip(prefillHead, decodeHead).map { $0 + share * $1 })
            }
        }
        return splits
    }

    /// Sequences of the mean length that the stages have room for together under some split; 1 where that is none.
    private func mostSequences(_ order: [Int]) -> Int {
        (1...instance.largestBatch).last { sequences in
            let rooms = order.indices.map { capacity(order, $0, tokens: instance.decodeTokens[sequences]) }
            return rooms.reduce(0, +) >= instance.layers
        } ?? 1
    }

    private func capacity(_ order: [Int], _ place: Int, tokens: Int) -> Int {
        instance.capacity(order[place], tokens: tokens, first: place == 0, last: place == order.count - 1)
    }
}
