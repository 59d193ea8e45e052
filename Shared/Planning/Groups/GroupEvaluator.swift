internal import CostModel
internal import Domain

/// Finds what a group of devices is worth in every role: the best order, layers, decode concurrency and micro-batches.
struct GroupEvaluator {
    private let instance: PlanningInstance
    private let orders: StageOrders
    /// Longest token gap that is allowed; infinite for none.
    private let longestGap: Double
    /// Whether prefill and decoder roles, and whether the mixed role are evaluated.
    private let servesSplit: Bool
    private let servesMixed: Bool
    private var prefill: LayerFilling
    private var decode: LayerFilling
    private var value = GroupValue()

    init(
        _ instance: PlanningInstance, orders: StageOrders? = nil, longestGap: Double = .infinity,
        roles: PlanningLimits.Roles = .any
    ) {
        self.instance = instance
        servesSplit = roles != .mixed && instance.limits.roles != .mixed
        servesMixed = roles != .split && instance.limits.roles != .split
        self.orders = orders ?? StageOrders(instance: instance)
        self.longestGap = longestGap
        prefill = LayerFilling(layers: instance.layers)
        decode = LayerFilling(layers: instance.layers)
    }

    /// The value of a group; empty where it cannot hold the model.
    mutating func evaluate(_ members: [Int]) -> GroupValue {
        value = GroupValue()
        guard members.count <= instance.layers, mayHold(members) else { return value }
        for order in orders.orders(members) { tryOrder(order) }
        return value
    }

    private func mayHold(_ members: [Int]) -> Bool {
        var room = 0
        for member in members {
            room += instance.capacity(member, tokens: instance.decodeTokens[1], first: false, last: false)
        }
        return room >= instance.layers
    }

    private mutating func tryOrder(_ order: [Int]) {
        let count = order.count
        var slowestHop = 0.0
        var hops = 0.0
        var latencies = 0.0
        var tokenHops = 0.0
        var slowestLatency = 0.0
        var slowestTokenHop = 0.0
        for index in 1..<max(1, count) {
            let pair = order[index - 1] * instance.count + order[index]
            slowestHop = max(slowestHop, instance.promptHops[pair])
            hops += instance.promptHops[pair]
            latencies += instance.hopLatencies[pair]
            slowestLatency = max(slowestLatency, instance.hopLatencies[pair])
            tokenHops += instance.tokenHops[pair]
            slowestTokenHop = max(slowestTokenHop, instance.tokenHops[pair])
        }
        let way = Way(
            slowestHop: slowestHop, hops: hops,
            latencies: latencies
                + (count > 1 ? instance.hopLatencies[order[count - 1] * instance.count + order[0]] : 0),
            slowestLatency: slowestLatency, tokenHops: tokenHops, slowestTokenHop: slowestTokenHop)
        tryPrefill(order, way)
        tryDecode(order, way)
    }

    /// Hops of an order.
    private struct Way {
        var slowestHop: Double
        var hops: Double
        var latencies: Double
        var slowestLatency: Double
        var tokenHops: Double
        var slowestTokenHop: Double

        func decodeHops(_ batch: Double) -> Double { latencies + tokenHops * batch }
        func slowestDecodeHop(_ batch: Double) -> Double { slowestLatency + slowestTokenHop * batch }
    }

    // MARK: - Prefill

    private mutating func tryPrefill(_ order: [Int], _ way: Way) {
        guard servesSplit else { return }
        let last = order.count - 1
        prefill.reset(order.count)
        for place in order.indices {
            let device = order[place]
            prefill.capacities[place] = capacity(order, place, tokens: instance.prefillTokens)
            prefill.seconds[place] = instance.prefillPortSeconds[device]
            prefill.fixed[place] = place == last ? instance.prefillHeadSeconds[device] : 0
        }
        guard prefill.leastSlowest() != nil else { return }
        consider(prefillOption(order, prefill.counts, way))
    }

    /// The times of a mean prompt over given layers.
    private func prefillTimes(_ order: [Int], _ counts: [Int], _ way: Way) -> (cycle: Double, latency: Double) {
        var slowest = way.slowestHop
        var sum = way.hops
        for place in order.indices {
            let device = order[place]
            let stage =
                Double(counts[place]) * instance.prefillSeconds[device]
                + (place == order.count - 1 ? instance.prefillHeadSeconds[device] : 0)
            slowest = max(slowest, stage)
            sum += stage
        }
        return (slowest, sum)
    }

    private func prefillOption(_ order: [Int], _ counts: [Int], _ way: Way) -> GroupOption {
        let (cycle, latency) = prefillTimes(order, counts, way)
        var port = 0.0
        for place in order.indices { port = max(port, Double(counts[place]) * instance.kvOutSeconds[order[place]]) }
        var option = GroupOption(role: .prefill, order: order, layers: counts)
        option.prefillCycle = cycle
        option.prefillLatency = latency
        option.rate = 1 / max(cycle, port)
        return option
    }

    private mutating func consider(_ option: GroupOption) {
        guard option.rate.isFinite, option.rate > 0 else { return }
        let best = value[option.role]
        // Equal rates are settled by latency, so that a plan is also quick where nothing is to be gained.
        if let best, !(option.rate > best.rate * (1 + 1e-9)),
            !(option.rate >= best.rate * (1 - 1e-9)
                && option.prefillLatency + option.tokenGap < (best.prefillLatency + best.tokenGap) * (1 - 1e-9))
        {
            return
        }
        switch option.role {
        case .prefill: value.prefill = option
        case .decode: value.decode = option
        case .mixed: value.mixed = option
        }
    }

    // MARK: - Decode

    private mutating func tryDecode(_ order: [Int], _ way: Way) {
        let output = max(1, instance.demand.outputTokens)
        let leastCycle = !servesMixed ? 0 : mixedCycle(order, way)
        let quickest = leastDecodeSum(order) + way.latencies
        for batch in stride(from: instance.largestBatch, through: 1, by: -1) {
            for microBatches in 1...order.count where (batch - 1) * microBatches < instance.largestBatch {
                let most = min(instance.largestBatch, batch * microBatches)
                // Fewer sequences in as many micro-batches take as long; that helps only where memory is short.
                for concurrency in stride(from: most, to: (batch - 1) * microBatches, by: -1) {
                    guard isUseful(Double(concurrency) / (output * quickest), leastCycle) else { break }
                    let step = Step(concurrency: concurrency, batch: batch, microBatches: microBatches)
                    tryStep(order, way, step, leastCycle)
                    if !isShort(order, concurrency, least: (batch - 1) * microBatches + 1) { break }
                }
            }
        }
    }

    /// Sequences that decode together, and how they travel.
    private struct Step {
        var concurrency: Int
        /// Sequences of the largest micro-batch.
        var batch: Int
        var microBatches: Int
    }

    /// Whether fewer sequences leave room for more layers somewhere.
    private func isShort(_ order: [Int], _ concurrency: Int, least: Int) -> Bool {
        concurrency > least
            && order.indices.contains { place in
                capacity(order, place, tokens: instance.decodeTokens[concurrency])
                    < capacity(order, place, tokens: instance.decodeTokens[least])
            }
    }

    private mutating func tryStep(_ order: [Int], _ way: Way, _ step: Step, _ leastCycle: Double) {
        let output = max(1, instance.demand.outputTokens)
        let last = order.count - 1
        decode.reset(order.count)
        for place in order.indices {
            let entry = order[place] * (instance.largestBatch + 1) + step.batch
            decode.capacities[place] = capacity(order, place, tokens: instance.decodeTokens[step.concurrency])
            decode.seconds[place] = instance.decodeSeconds[entry]
            decode.fixed[place] = place == last ? instance.headSeconds[entry] : 0
        }
        guard let sum = decode.leastSum() else { return }
        let hops = way.decodeHops(Double(step.batch))
        let least = max(sum + hops, Double(step.microBatches) * decode.balanced)
        guard isUseful(Double(step.concurrency) / (output * least), leastCycle), least <= longestGap else { return }
        guard let gap = leastGap(way, step) else { return }
        let counts = decode.counts
        addDecode(order, counts, way, step)
        if servesSplit { tryPorts(order, way, step, counts: counts, gap: gap) }
        if servesMixed { tryMixed(order, way, step, counts: counts, gap: gap) }
    }

    /// Whether a decode rate of at most `bound` could make the group better in one of its roles.
    private func isUseful(_ bound: Double, _ leastCycle: Double) -> Bool {
        (servesSplit && bound > (value.decode?.rate ?? 0) * (1 - 1e-9))
            || (servesMixed && 1 / (leastCycle + 1 / bound) > (value.mixed?.rate ?? 0) * (1 - 1e-9))
    }

    /// Less than the sum of all stages of any decode step: one sequence, and memory for one.
    private mutating func leastDecodeSum(_ order: [Int]) -> Double {
        decode.reset(order.count)
        for place in order.indices {
            let entry = order[place] * (instance.largestBatch + 1) + 1
            decode.capacities[place] = capacity(order, place, tokens: instance.decodeTokens[1])
            decode.seconds[place] = instance.decodeSeconds[entry]
            decode.fixed[place] = place == order.count - 1 ? instance.headSeconds[entry] : 0
        }
        return decode.leastSum() ?? .infinity
    }

    /// The smallest token gap within the capacities of `decode`, which then has the counts: within a limit on the stages,
    /// the sum is least; the limit is found by bisection.
    private mutating func leastGap(_ way: Way, _ step: Step) -> Double? {
        guard let leastSum = decode.leastSum() else { return nil }
        let hops = way.decodeHops(Double(step.batch))
        let slowestHop = way.slowestDecodeHop(Double(step.batch))
        let count = Double(step.microBatches)
        var high = max(leastSum + hops, count * max(decode.slowest, slowestHop))
        var low = max(leastSum + hops, count * max(decode.balanced, slowestHop))
        var limit = Double.infinity
        if low < high * (1 - 1e-9) {
            for _ in 0..<14 {
                let middle = (low + high) / 2
                if let sum = decode.leastSum(limit: middle / count), sum + hops <= middle {
                    let gap = max(sum + hops, count * max(decode.slowest, slowestHop))
                    if gap <= high { (high, limit) = (min(middle, gap), middle / count) } else { high = middle }
                } else {
                    low = middle
                }
                if high - low < 1e-6 * high { break }
            }
        }
        guard let sum = decode.leastSum(limit: limit) else { return nil }
        return max(sum + hops, count * max(decode.slowest, slowestHop))
    }

    /// A decoder whose KV comes in too slowly with the quickest layers: fewer layers where the way in is slow, by bisection
    /// over the rate.
    private mutating func tryPorts(_ order: [Int], _ way: Way, _ step: Step, counts: [Int], gap: Double) {
        let output = max(1, instance.demand.outputTokens)
        let quickest = Double(step.concurrency) / (output * gap)
        var port = 0.0
        for place in order.indices { port = max(port, Double(counts[place]) * instance.kvInSeconds[order[place]]) }
        guard port * quickest > 1 + 1e-9, quickest > (value.decode?.rate ?? 0) * (1 + 1e-9) else { return }
        let capacities = decode.capacities
        var (low, high) = (max(1 / port, value.decode?.rate ?? 0), quickest)
        while high > low * (1 + 1e-4) {
            let rate = (low * high).squareRoot()
            for place in order.indices {
                let seconds = instance.kvInSeconds[order[place]]
                let most = seconds > 0 ? min(1 / (rate * seconds), 1e6) : 1e6
                decode.capacities[place] = min(capacities[place], Int(most * (1 + 1e-12)))
            }
            if let gap = leastGap(way, step), Double(step.concurrency) >= rate * output * gap {
                addDecode(order, decode.counts, way, step)
                low = rate
            } else {
                high = rate
            }
        }
        for place in order.indices { decode.capacities[place] = capacities[place] }
    }

    /// A decoder and a mixed replica with given layers.
    private mutating func addDecode(_ order: [Int], _ counts: [Int], _ way: Way, _ step: Step) {
        let (batch, microBatches, concurrency) = (step.batch, step.microBatches, step.concurrency)
        var slowest = way.slowestDecodeHop(Double(batch))
        var sum = way.decodeHops(Double(batch))
        var port = 0.0
        let last = order.count - 1
        for place in order.indices {
            let entry = order[place] * (instance.largestBatch + 1) + batch
            let seconds =
                Double(counts[place]) * instance.decodeSeconds[entry]
                + (place == last ? instance.headSeconds[entry] : 0)
            slowest = max(slowest, seconds)
            sum += seconds
            port = max(port, Double(counts[place]) * instance.kvInSeconds[order[place]])
        }
        let gap = max(Double(microBatches) * slowest, sum)
        guard gap <= longestGap, gap.isFinite else { return }
        let rate = Double(concurrency) / (max(1, instance.demand.outputTokens) * gap)
        if servesSplit {
            var option = GroupOption(role: .decode, order: order, layers: counts)
            (option.concurrency, option.microBatches, option.tokenGap) = (concurrency, microBatches, gap)
            option.rate = port > 0 ? min(rate, 1 / port) : rate
            consider(option)
        }
        if servesMixed {
            let (cycle, latency) = prefillTimes(order, counts, way)
            var option = GroupOption(role: .mixed, order: order, layers: counts)
            (option.concurrency, option.microBatches, option.tokenGap) = (concurrency, microBatches, gap)
            (option.prefillCycle, option.prefillLatency) = (cycle, latency)
            option.rate = 1 / (cycle + 1 / rate)
            consider(option)
        }
    }

    // MARK: - Mixed

    /// The least prefill cycle that a mixed replica could have.
    private mutating func mixedCycle(_ order: [Int], _ way: Way) -> Double {
        fillPrefill(order, tokens: instance.decodeTokens[1])
        return max(way.slowestHop, prefill.leastSlowest() ?? 0)
    }

    private mutating func fillPrefill(_ order: [Int], tokens: Int) {
        prefill.reset(order.count)
        for place in order.indices {
            prefill.capacities[place] = capacity(order, place, tokens: tokens)
            prefill.seconds[place] = instance.prefillSeconds[order[place]]
            prefill.fixed[place] = place == order.count - 1 ? instance.prefillHeadSeconds[order[place]] : 0
        }
    }

    /// Layers for both phases of a mixed replica: the least cycle plus a request's share of the decode steps.
    ///
    /// Under a limit on the cycle every device has a largest number of layers, and `leastGap` finds the quickest step within
    /// it, which can only become slower as the limit falls. So a request takes at least the lower end of an interval of limits plus the
    /// step at its upper end; intervals that cannot hold anything better are left, the others halved.
    private mutating func tryMixed(_ order: [Int], _ way: Way, _ step: Step, counts: [Int], gap: Double) {
        let share = max(1, instance.demand.outputTokens) / Double(step.concurrency)
        let longest = prefillTimes(order, counts, way).cycle
        fillPrefill(order, tokens: instance.decodeTokens[step.concurrency])
        guard let slowest = prefill.leastSlowest() else { return }
        addDecode(order, prefill.counts, way, step)
        let capacities = decode.capacities
        var open = [(low: max(slowest, way.slowestHop), high: longest, gap: gap)]
        var trials = 0
        while let interval = open.popLast(), trials < Self.mostCycles {
            let mark = (1 - Self.cyclePrecision) / (value.mixed?.rate ?? 1e-300)
            guard interval.low + share * interval.gap < mark, interval.high > interval.low * (1 + 1e-4) else {
                continue
            }
            trials += 1
            let middle = (interval.low + interval.high) / 2
            for place in order.indices {
                let most = min((middle - prefill.fixed[place]) / prefill.seconds[place], 1e6)
                decode.capacities[place] = min(capacities[place], max(0, Int(most * (1 + 1e-12))))
            }
            guard let gap = leastGap(way, step) else {
                open.append((middle, interval.high, interval.gap))
                continue
            }
            let counts = decode.counts
            addDecode(order, counts, way, step)
            open.append((middle, interval.high, interval.gap))
            open.append((interval.low, min(middle, prefillTimes(order, counts, way).cycle), gap))
        }
        for place in order.indices { decode.capacities[place] = capacities[place] }
    }

    /// Most limits on the cycle that are tried for a step.
    private static let mostCycles = 40
    /// Share of the rate that is not worth another limit.
    private static let cyclePrecision = 1e-3

    @inline(__always)
    private func capacity(_ order: [Int], _ place: Int, tokens: Int) -> Int {
        instance.capacity(order[place], tokens: tokens, first: place == 0, last: place == order.count - 1)
    }
}
