internal import Domain

/// Finds groups that are worth more than their devices cost, in a relaxation that no real group escapes.
///
/// What is relaxed: which device comes first or last (embedding, LM head), the order of the stages, and that hops of a group
/// of several devices are no faster than the best hop of each. What stays: whole layers, memory for weights and KV, the time
/// of every stage, the sum of all stages of a decode step, the ports that KV crosses. Groups of one device are exact.
///
/// For a target rate `r` each device can take a number of layers; the cheapest set of devices that covers the model is a
/// covering knapsack, solved by dynamic programming over layers, with the limit on the sum of stages priced by a Lagrange
/// multiplier (every multiplier gives a lower bound of the cost). Rates are searched over intervals: within one, cost is at
/// least that of the lower end and worth at most that of the upper.
struct GroupPricing {
    /// A relaxed group: what it is worth at most, and its devices.
    struct Column: Sendable {
        var role: ReplicaRole
        var rate: Double
        var devices: [Int]
    }

    /// The outcome for given device prices.
    struct Outcome {
        /// No group is worth more than this many times what its devices cost.
        var ratio: Double
        /// Relaxed groups with large ratios.
        var columns: [Column]
    }

    private let instance: PlanningInstance
    private let singles: [GroupValue]
    private let leastHop: [Double]
    private let leastLatency: [Double]
    private let leastTokenHop: [Double]

    init(_ instance: PlanningInstance, _ table: inout GroupTable) {
        self.instance = instance
        singles = (0..<instance.count).map { table.value([$0]) }
        let count = instance.count
        func least(_ hops: [Double]) -> [Double] {
            (0..<count).map { device in
                (0..<count).filter { $0 != device }.map { min(hops[device * count + $0], hops[$0 * count + device]) }
                    .min() ?? 0
            }
        }
        leastHop = least(instance.promptHops)
        leastLatency = least(instance.hopLatencies)
        leastTokenHop = least(instance.tokenHops)
    }

    /// The groups of one device, as columns.
    var singleColumns: [Column] {
        singles.enumerated().flatMap { device, value in
            ReplicaRole.allCases.compactMap { role in
                value[role].map { Column(role: role, rate: $0.rate, devices: [device]) }
            }
        }
    }

    /// Prices all groups. `worths` says what a request per second of each role is worth; `precision` is the relative
    /// width at which intervals are no longer divided.
    func price(
        _ prices: [Double], worths: PhasePrices, precision: Double, stop: () -> Bool
    ) -> Outcome {
        var outcome = Outcome(ratio: 0, columns: [])
        for column in singleColumns {
            let worth = column.rate * Self.worth(worths, column.role)
            guard worth > 0 else { continue }
            outcome.ratio = max(outcome.ratio, worth / prices[column.devices[0]])
        }
        guard instance.count > 1 else { return outcome }
        if worths.prefill > 0 { price(.prefill, batch: 0, prices, worths.prefill, precision, &outcome, stop) }
        // Large batches are worth most; they set the mark that small ones do not reach.
        for batch in stride(from: instance.largestBatch, through: 1, by: -1) {
            if worths.decode > 0 { price(.decode, batch: batch, prices, worths.decode, precision, &outcome, stop) }
            if worths.mixed > 0 { price(.mixed, batch: batch, prices, worths.mixed, precision, &outcome, stop) }
        }
        return outcome
    }

    static func worth(_ worths: PhasePrices, _ role: ReplicaRole) -> Double {
        switch role {
        case .prefill: worths.prefill
        case .decode: worths.decode
        case .mixed: worths.mixed
        }
    }

    // MARK: - One kind of group

    private func price(
        _ role: ReplicaRole, batch: Int, _ prices: [Double], _ worth: Double, _ precision: Double,
        _ outcome: inout Outcome, _ stop: () -> Bool
    ) {
        let kind = Kind(self, role: role, batch: batch)
        guard let most = kind.mostRate else { return }
        // Groups below this rate are bounded by what the two cheapest devices cost.
        let cheapest = max(prices.min() ?? 0, 1e-300)
        let least = max(most * 1e-7, outcome.ratio * cheapest * 2 / worth)
        outcome.ratio = max(outcome.ratio, worth * min(least, most) / (2 * cheapest))
        guard least < most else { return }
        var open: [(low: Double, high: Double, cost: Double)] = []
        let pieces = 12
        let factor = Power.root(most / least, pieces)
        var low = least
        for _ in 0..<pieces {
            let high = min(most * (1 + 1e-12), low * factor * (1 + 1e-12))
            open.append((low, high, kind.leastCost(low, prices).cost))
            low = high
        }
        while let index = open.indices.max(by: { open[$0].high / open[$0].cost < open[$1].high / open[$1].cost }) {
            let piece = open[index]
            let bound = worth * piece.high / piece.cost
            if bound <= outcome.ratio { return }
            if piece.high / piece.low - 1 < precision || stop() {
                outcome.ratio = bound
                let solution = kind.leastCost(piece.low, prices)
                if !solution.devices.isEmpty {
                    outcome.columns.append(Column(role: role, rate: piece.high, devices: solution.devices))
                }
                return
            }
            let middle = (piece.low * piece.high).squareRoot()
            let cost = kind.leastCost(middle, prices).cost
            open[index] = (piece.low, middle, piece.cost)
            if cost.isFinite { open.append((middle, piece.high, cost)) }
        }
    }

    /// One role at one size of micro-batch.
    private struct Kind {
        let pricing: GroupPricing
        let role: ReplicaRole
        let batch: Int
        let layers: Int
        /// Seconds per layer that bound a device's layers at rate 1.
        private var occupied: [Double] = []
        private var capacity: [Int] = []
        /// Coefficients of a device's part in the sum of stages: fixed, per layer, per squared layer.
        private var fixed: [Double] = []
        private var linear: [Double] = []
        private var squared: [Double] = []
        /// The rate that the device's hops allow in a group of several.
        private var hopRate: [Double] = []
        private let hasSum: Bool

        init(_ pricing: GroupPricing, role: ReplicaRole, batch: Int) {
            self.pricing = pricing
            self.role = role
            self.batch = batch
            let instance = pricing.instance
            layers = instance.layers
            hasSum = role != .prefill
            let output = max(1, instance.demand.outputTokens)
            let tokens = role == .prefill ? instance.prefillTokens : instance.decodeTokens[max(1, batch)]
            // All micro-batches of this size that fit into the largest concurrency.
            let concurrency = Double(batch > 0 ? batch * (instance.largestBatch / batch) : 0)
            for (index, figures) in instance.devices.enumerated() {
                capacity.append(
                    min(layers - 1, instance.capacity(index, tokens: tokens, first: false, last: false)))
                switch role {
                case .prefill:
                    occupied.append(max(figures.prefill, figures.kvOut))
                    hopRate.append(1 / pricing.leastHop[index])
                case .decode:
                    let step = output * figures.decode[batch] / Double(batch)
                    occupied.append(max(step, figures.kvIn))
                    hopRate.append(.infinity)
                    linear.append(output * figures.decode[batch] / concurrency)
                    squared.append(0)
                    fixed.append(hop(index) * output / concurrency / 2)
                case .mixed:
                    occupied.append(figures.prefill + output * figures.decode[batch] / Double(batch))
                    hopRate.append(1 / pricing.leastHop[index])
                    linear.append(output * figures.decode[batch] / concurrency)
                    // The slowest stage of a prompt is at least the mean of the stages, weighted by their layers.
                    squared.append(figures.prefill / Double(layers))
                    fixed.append(hop(index) * output / concurrency / 2)
                }
            }
        }

        private func hop(_ device: Int) -> Double {
            pricing.leastLatency[device] + pricing.leastTokenHop[device] * Double(batch)
        }

        /// More than any group of this kind reaches; `nil` where none holds the model.
        var mostRate: Double? {
            var room = 0
            var speed = 0.0
            for device in capacity.indices where occupied[device].isFinite && occupied[device] > 0 {
                room += capacity[device]
                speed += 1 / occupied[device]
            }
            return room >= layers && speed > 0 ? speed / Double(layers) : nil
        }

        /// The least cost of devices that could reach a rate together, and such devices.
        func leastCost(_ rate: Double, _ prices: [Double]) -> (cost: Double, devices: [Int]) {
            var counts = [Int](repeating: 0, count: capacity.count)
            var room = 0
            for device in capacity.indices where rate <= hopRate[device] {
                let ratio = 1 / (rate * occupied[device])
                counts[device] = ratio >= 1 - 1e-9 ? min(capacity[device], Int(min(1e6, ratio * (1 + 1e-9)))) : 0
                room += counts[device]
            }
            guard room >= layers else { return (.infinity, []) }
            guard hasSum else { return cover(counts, prices, multiplier: 0, budget: 0) }
            let budget = 1 / rate
            var best = cover(counts, prices, multiplier: 0, budget: budget)
            // The lower bound is concave in the multiplier; its scale is what devices cost per second of the budget.
            let scale = max(best.cost, 1e-300) / budget
            var low = 0.0
            var high = 8 * scale
            for _ in 0..<9 {
                let left = low + (high - low) / 3
                let right = high - (high - low) / 3
                let first = cover(counts, prices, multiplier: left, budget: budget)
                let second = cover(counts, prices, multiplier: right, budget: budget)
                if first.cost > best.cost { best = first }
                if second.cost > best.cost { best = second }
                if first.cost < second.cost { low = left } else { high = right }
                if high - low < 0.02 * high { break }
            }
            return best
        }

        /// The covering knapsack at one multiplier.
        private func cover(
            _ counts: [Int], _ prices: [Double], multiplier: Double, budget: Double
        ) -> (cost: Double, devices: [Int]) {
            let width = layers + 1
            var least = [Double](repeating: .infinity, count: width)
            least[0] = 0
            var choices = [UInt16](repeating: 0, count: width * counts.count)
            var extra = [Double](repeating: 0, count: width)
            least.withUnsafeMutableBufferPointer { least in
                choices.withUnsafeMutableBufferPointer { choices in
                    for device in counts.indices where counts[device] > 0 {
                        let most = counts[device]
                        for count in 1...most {
                            let part =
                                hasSum
                                ? fixed[device] + Double(count)
                                    * (linear[device] + Double(count) * squared[device]) : 0
                            extra[count] = prices[device] + multiplier * part
                        }
                        let row = device * width
                        for end in stride(from: layers, through: 1, by: -1) {
                            var value = least[end]
                            var choice: UInt16 = 0
                            for count in 1...min(most, end) {
                                let candidate = least[end - count] + extra[count]
                                if candidate < value { (value, choice) = (candidate, UInt16(count)) }
                            }
                            if choice > 0 {
                                least[end] = value
                                choices[row + end] = choice
                            }
                        }
                    }
                }
            }
            guard least[layers].isFinite else { return (.infinity, []) }
            var devices: [Int] = []
            var end = layers
            for device in counts.indices.reversed() {
                let choice = Int(choices[device * width + end])
                if choice > 0 {
                    devices.append(device)
                    end -= choice
                }
            }
            // Never below the cheapest device: a cost of nothing would bound nothing.
            return (max(least[layers] - multiplier * budget, 1e-300), devices)
        }
    }
}

/// Roots without a C library.
enum Power {
    /// The `count`-th root of a number above 1.
    static func root(_ value: Double, _ count: Int) -> Double {
        1 / Exponential.power(1 / value, 1 / Double(count))
    }
}
