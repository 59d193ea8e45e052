internal import Domain

/// What a group is worth at most, from figures of its devices alone: cheap enough to be asked before a group is evaluated.
///
/// With `n_d` of `L` layers on device d, no stage may take longer than the cycle, so the rate is at most the sum of what the
/// devices would reach with the whole model each; and a decode step takes at least as long as on the fastest device alone,
/// however many others there are.
struct GroupBound {
    private let additive: [Double]
    private let alone: [Double]
    private let instance: PlanningInstance
    private let prices: PhasePrices
    /// Devices in order of the time of a decode step, as their ranks.
    private let rank: [Int]

    init(_ instance: PlanningInstance, _ prices: PhasePrices) {
        self.instance = instance
        self.prices = prices
        let quickest = instance.devices.indices.sorted {
            (instance.devices[$0].decode[1], $0) < (instance.devices[$1].decode[1], $1)
        }
        var rank = [Int](repeating: 0, count: instance.count)
        for (place, device) in quickest.enumerated() { rank[device] = place }
        self.rank = rank
        let layers = Double(instance.layers)
        let output = max(1, instance.demand.outputTokens)
        var additive: [Double] = []
        var alone: [Double] = []
        for figures in instance.devices {
            var sum = prices.prefill / (layers * max(figures.prefill, figures.kvOut))
            var most = prices.prefill > 0 ? Double.infinity : 0
            for batch in 1...instance.largestBatch {
                let step = output * figures.decode[batch] / Double(batch)
                if prices.decode > 0 { sum = max(sum, prices.decode / (layers * step)) }
                if prices.mixed > 0 { sum = max(sum, prices.mixed / (layers * (figures.prefill + step))) }
            }
            // The sum of all stages bounds the token gap; the least sum has the least time per sequence at some batch.
            let largest = Double(instance.largestBatch)
            let least = (1...instance.largestBatch).map { figures.decode[$0] }.min() ?? .infinity
            most = max(most, max(prices.decode, prices.mixed) * largest / (output * layers * least))
            additive.append(sum)
            alone.append(most)
        }
        self.additive = additive
        self.alone = alone
    }

    /// What every device contributes at most to any group that it is in.
    var contributions: [Double] { zip(additive, alone).map { min($0, $1) } }

    /// The bound of a group.
    func most(_ members: [Int]) -> Double {
        var sum = 0.0
        var most = 0.0
        for member in members {
            sum += additive[member]
            most = max(most, alone[member])
        }
        return min(sum, most)
    }

    /// A tighter bound that costs a little more: memory for one sequence decides how many layers the quickest devices can
    /// take, and so how quick a decode step can be.
    func mostWithMemory(_ members: [Int]) -> Double {
        let sorted = members.sorted { rank[$0] < rank[$1] }
        var remaining = instance.layers
        var step = 0.0
        var prefillSpeed = 0.0
        var portSpeed = 0.0
        let tokens = instance.decodeTokens[1]
        for member in sorted {
            let most = instance.capacity(member, tokens: tokens, first: false, last: false)
            let count = min(remaining, most)
            step += Double(count) * instance.devices[member].decode[1]
            remaining -= count
            prefillSpeed += 1 / instance.prefillSeconds[member]
            portSpeed += 1 / instance.prefillPortSeconds[member]
        }
        guard remaining == 0 else { return 0 }
        let layers = Double(instance.layers)
        let perRequest = max(1, instance.demand.outputTokens) * step / Double(instance.largestBatch)
        return max(
            prices.prefill * portSpeed / layers, prices.decode / perRequest,
            prices.mixed / (layers / prefillSpeed + perRequest))
    }
}
