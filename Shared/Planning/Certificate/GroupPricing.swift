internal import Domain

/// Finds groups that are worth more than their devices cost, in a relaxation that no real group escapes.
///
/// What is relaxed: the order of the stages, and hops, which are taken as half of the best hop of each device. What stays:
/// whole layers, memory for weights and KV, embedding and LM head on the first and last device, the time of every stage, the
/// sum of all stages of a decode step, the ports that KV crosses. Groups of one device are exact.
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

    let instance: PlanningInstance
    private let singles: [GroupValue]
    let leastHop: [Double]
    let leastLatency: [Double]
    let leastTokenHop: [Double]

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
        let kind = RelaxedGroups(self, role: role, batch: batch)
        guard let most = kind.mostRate else { return }
        // Groups below this rate are bounded by what the two cheapest devices cost.
        let cheapest = max(prices.min() ?? 0, 1e-300)
        let least = max(most * 1e-7, outcome.ratio * cheapest * 2 / worth)
        outcome.ratio = max(outcome.ratio, worth * min(least, most) / (2 * cheapest))
        guard least < most else { return }
        var hint = 0.0
        var open: [(low: Double, high: Double, cost: Double)] = []
        let pieces = 12
        let factor = Power.root(most / least, pieces)
        var low = least
        for _ in 0..<pieces {
            let high = min(most * (1 + 1e-12), low * factor * (1 + 1e-12))
            open.append((low, high, kind.leastCost(low, prices, hint: &hint).cost))
            low = high
        }
        while let index = open.indices.max(by: { open[$0].high / open[$0].cost < open[$1].high / open[$1].cost }) {
            let piece = open[index]
            let bound = worth * piece.high / piece.cost
            if bound <= outcome.ratio { return }
            if piece.high / piece.low - 1 < precision || stop() {
                outcome.ratio = bound
                let solution = kind.leastCost(piece.low, prices, hint: &hint)
                if !solution.devices.isEmpty {
                    outcome.columns.append(Column(role: role, rate: piece.high, devices: solution.devices))
                }
                return
            }
            let middle = (piece.low * piece.high).squareRoot()
            let cost = kind.leastCost(middle, prices, hint: &hint).cost
            open[index] = (piece.low, middle, piece.cost)
            if cost.isFinite { open.append((middle, piece.high, cost)) }
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
