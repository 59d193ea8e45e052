internal import Domain

/// Times of one group at any load.
struct GroupTimes {
    let instance: PlanningInstance
    let option: GroupOption

    /// Seconds between two tokens when `sequences` decode together, at the best number of micro-batches.
    func tokenGap(sequences: Int) -> Double {
        let sequences = max(1, min(sequences, instance.largestBatch))
        let order = option.order
        var least = Double.infinity
        for microBatches in 1...min(order.count, sequences) {
            let batch = (sequences + microBatches - 1) / microBatches
            var slowest = 0.0
            var sum = 0.0
            for place in order.indices {
                let figures = instance.devices[order[place]]
                let stage =
                    Double(option.layers[place]) * figures.decode[batch]
                    + (place == order.count - 1 ? figures.head[batch] : 0)
                slowest = max(slowest, stage)
                sum += stage
                if place > 0 {
                    let pair = order[place - 1] * instance.count + order[place]
                    let hop = instance.hopLatencies[pair] + Double(batch) * instance.tokenHops[pair]
                    slowest = max(slowest, hop)
                    sum += hop
                }
            }
            if order.count > 1 { sum += instance.hopLatencies[order[order.count - 1] * instance.count + order[0]] }
            least = min(least, max(Double(microBatches) * slowest, sum))
        }
        return least
    }

    /// Seconds that every device computes for one mean request, at the planned concurrency.
    var busySeconds: [Double] {
        let batch = option.microBatches > 0 ? option.concurrency / option.microBatches : 0
        let last = option.order.count - 1
        return option.order.indices.map { place in
            let figures = instance.devices[option.order[place]]
            let layers = Double(option.layers[place])
            var seconds = 0.0
            if option.role != .decode {
                seconds += layers * figures.prefill + (place == last ? figures.prefillHead : 0)
            }
            if option.role != .prefill, batch > 0 {
                let step = layers * figures.decode[batch] + (place == last ? figures.head[batch] : 0)
                seconds += instance.demand.outputTokens * step / Double(batch)
            }
            return seconds
        }
    }
}
