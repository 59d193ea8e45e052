internal import Domain

/// What a group with given stages can do: the formulas of `GroupEvaluator` without its search for orders and layers.
struct GroupRating {
    let instance: PlanningInstance
    /// The number of sequences that decode together, as far as memory allows; `nil` for the best.
    var concurrency: Int?

    /// The value of given stages in every role; `nil` where memory or measurements are missing.
    func value(_ order: [Int], _ layers: [Int]) -> GroupValue {
        GroupValue(prefill: prefill(order, layers), decode: decode(order, layers), mixed: mixed(order, layers))
    }

    /// Whether every stage has room for its weights and `tokens` tokens of KV cache.
    func fits(_ order: [Int], _ layers: [Int], tokens: Int) -> Bool {
        order.indices.allSatisfy { place in
            let (first, last) = (place == 0, place == order.count - 1)
            return layers[place] <= instance.capacity(order[place], tokens: tokens, first: first, last: last)
        }
    }

    /// The stages as a prefill group: as fast as its slowest stage, hop or port.
    func prefill(_ order: [Int], _ layers: [Int]) -> GroupOption? {
        guard fits(order, layers, tokens: instance.prefillTokens) else { return nil }
        let (cycle, latency) = prefillTimes(order, layers)
        var option = GroupOption(role: .prefill, order: order, layers: layers)
        (option.prefillCycle, option.prefillLatency) = (cycle, latency)
        option.rate = 1 / max(cycle, slowestPort(order, layers, instance.kvOutSeconds))
        return usable(option)
    }

    /// The stages as a decoder: at the concurrency and number of micro-batches that give most, and its ports.
    func decode(_ order: [Int], _ layers: [Int]) -> GroupOption? {
        let port = slowestPort(order, layers, instance.kvInSeconds)
        guard let step = bestStep(order, layers, mostRate: 1 / port) else { return nil }
        var option = GroupOption(role: .decode, order: order, layers: layers)
        (option.concurrency, option.microBatches, option.tokenGap) = (step.concurrency, step.microBatches, step.gap)
        option.rate = step.rate
        return usable(option)
    }

    /// The stages as a mixed group: every request takes a prefill cycle and its share of the decode steps.
    func mixed(_ order: [Int], _ layers: [Int]) -> GroupOption? {
        guard let step = bestStep(order, layers, mostRate: .infinity) else { return nil }
        let (cycle, latency) = prefillTimes(order, layers)
        var option = GroupOption(role: .mixed, order: order, layers: layers)
        (option.concurrency, option.microBatches, option.tokenGap) = (step.concurrency, step.microBatches, step.gap)
        (option.prefillCycle, option.prefillLatency) = (cycle, latency)
        option.rate = 1 / (cycle + 1 / step.rate)
        return usable(option)
    }

    private func usable(_ option: GroupOption) -> GroupOption? {
        option.rate.isFinite && option.rate > 0 ? option : nil
    }

    /// Seconds of the KV of a mean prompt on the busiest port.
    private func slowestPort(_ order: [Int], _ layers: [Int], _ seconds: [Double]) -> Double {
        zip(order, layers).reduce(0) { max($0, Double($1.1) * seconds[$1.0]) }
    }

    private func prefillTimes(_ order: [Int], _ layers: [Int]) -> (cycle: Double, latency: Double) {
        var (slowest, sum) = (0.0, 0.0)
        for (place, device) in order.enumerated() {
            let stage =
                Double(layers[place]) * instance.prefillSeconds[device]
                + (place == order.count - 1 ? instance.prefillHeadSeconds[device] : 0)
            let hop = place > 0 ? instance.promptHops[order[place - 1] * instance.count + device] : 0
            slowest = max(slowest, stage, hop)
            sum += stage + hop
        }
        return (slowest, sum)
    }

    private struct Step {
        var concurrency: Int
        var microBatches: Int
        var gap: Double
        var rate: Double
    }

    /// The decode step with the highest rate up to `mostRate`; of equal ones the quickest.
    private func bestStep(_ order: [Int], _ layers: [Int], mostRate: Double) -> Step? {
        let output = max(1, instance.demand.outputTokens)
        var best: Step?
        let most = min(instance.largestBatch, concurrency ?? instance.largestBatch)
        let fitting = (1...max(1, most)).prefix { fits(order, layers, tokens: instance.decodeTokens[$0]) }
        for concurrency in concurrency == nil ? fitting : fitting.suffix(1) {
            for microBatches in 1...min(order.count, concurrency) {
                let batch = (concurrency + microBatches - 1) / microBatches
                let gap = tokenGap(order, layers, batch: batch, microBatches: microBatches)
                let rate = min(mostRate, Double(concurrency) / (output * gap))
                guard gap.isFinite, rate > 0 else { continue }
                if let best {
                    let isBetter = rate > best.rate * (1 + 1e-9)
                    let isQuicker = rate >= best.rate * (1 - 1e-9) && gap < best.gap * (1 - 1e-9)
                    guard isBetter || isQuicker else { continue }
                }
                best = Step(concurrency: concurrency, microBatches: microBatches, gap: gap, rate: rate)
            }
        }
        return best
    }

    private func tokenGap(_ order: [Int], _ layers: [Int], batch: Int, microBatches: Int) -> Double {
        var (slowest, sum) = (0.0, 0.0)
        for (place, device) in order.enumerated() {
            let entry = device * (instance.largestBatch + 1) + batch
            let stage =
                Double(layers[place]) * instance.decodeSeconds[entry]
                + (place == order.count - 1 ? instance.headSeconds[entry] : 0)
            slowest = max(slowest, stage)
            sum += stage
            guard place > 0 else { continue }
            let pair = order[place - 1] * instance.count + device
            let hop = instance.hopLatencies[pair] + Double(batch) * instance.tokenHops[pair]
            slowest = max(slowest, hop)
            sum += hop
        }
        // The token returns to the first stage.
        if order.count > 1 { sum += instance.hopLatencies[order[order.count - 1] * instance.count + order[0]] }
        return max(Double(microBatches) * slowest, sum)
    }
}
