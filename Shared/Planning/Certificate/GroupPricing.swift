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
        var open = [piece(kind, least, most * (1 + 1e-12), prices, multiplier: 0)]
        while let index = open.indices.max(by: { open[$0].density < open[$1].density }) {
            let bound = worth * open[index].density
            if bound <= outcome.ratio { return }
            if !open[index].isTight {
                // A better multiplier is worth its time only until the interval is no longer in the way.
                let enough = worth * open[index].high / max(outcome.ratio, 1e-300)
                open[index].tighten(kind, prices, enough: enough)
                continue
            }
            let piece = open[index]
            if piece.high / piece.low - 1 < precision || stop() {
                outcome.ratio = bound
                if !piece.solution.devices.isEmpty {
                    outcome.columns.append(Column(role: role, rate: piece.high, devices: piece.solution.devices))
                    outcome.columns += companions(of: piece, kind, role, prices)
                }
                return
            }
            let middle = (piece.low * piece.high).squareRoot()
            open[index].high = middle
            let upper = self.piece(kind, middle, piece.high, prices, multiplier: piece.solution.multiplier)
            if upper.solution.cost.isFinite { open.append(upper) }
        }
    }

    /// Groups of the same kind for the rest of the fleet, each of other devices: a relaxation that knows them needs fewer
    /// rounds than one that is told about one group at a time.
    private func companions(
        of piece: Piece, _ kind: RelaxedGroups, _ role: ReplicaRole, _ prices: [Double]
    ) -> [Column] {
        var prices = prices
        var columns: [Column] = []
        var devices = piece.solution.devices
        var rate = piece.low
        while rate > 0.2 * piece.low {
            for device in devices { prices[device] = .infinity }
            let solution = kind.cover(rate, prices, multiplier: piece.solution.multiplier)
            devices = solution.devices
            if devices.isEmpty {
                rate *= 0.8
            } else {
                columns.append(Column(role: role, rate: rate, devices: devices))
            }
        }
        return columns
    }

    private func piece(
        _ kind: RelaxedGroups, _ low: Double, _ high: Double, _ prices: [Double], multiplier: Double
    ) -> Piece {
        Piece(low: low, high: high, solution: kind.cover(low, prices, multiplier: multiplier), isTight: false)
    }

    /// An interval of rates with the least cost of reaching its lower end.
    private struct Piece {
        var low: Double
        var high: Double
        var solution: RelaxedGroups.Solution
        /// Whether the best multiplier has been looked for.
        var isTight: Bool

        /// Rate per cost at most.
        var density: Double { high / solution.cost }

        mutating func tighten(_ kind: RelaxedGroups, _ prices: [Double], enough: Double) {
            solution = kind.leastCost(low, prices, start: solution, enough: enough)
            isTight = true
        }
    }
}
