internal import Domain

/// A proof that no plan of a fleet sustains more than a rate.
///
/// Every plan packs groups of devices, each device once. In the linear relaxation of that packing, any prices of the devices
/// and of the phases prove a bound: if no group is worth more than `ratio` times what its devices cost, no plan is worth more
/// than `ratio` times all devices. `GroupPricing` finds the ratio over all groups, real or not; good prices come from the
/// relaxation restricted to groups that were found so far (column generation). What the network limits beyond the devices'
/// own ports is left out. Any state of the search is a valid bound.
struct RateCertificate {
    /// The bound in requests per second; infinite until the first pricing.
    private(set) var bound = Double.infinity

    private let instance: PlanningInstance
    private let pricing: GroupPricing
    private let roles: Set<ReplicaRole>
    private let classes: DeviceClasses
    private var columns: [GroupPricing.Column]

    /// Proves a bound for plans whose roles are among `roles`, starting from the groups of known plans.
    init(
        _ instance: PlanningInstance, _ table: inout GroupTable, roles: Set<ReplicaRole>, known: [GroupOption],
        goal: Double, rounds: Int, stop: () -> Bool
    ) {
        self.instance = instance
        self.roles = roles
        pricing = GroupPricing(instance, &table)
        classes = DeviceClasses(instance, contributions: Self.contributions(instance, roles))
        columns = pricing.singleColumns.filter { roles.contains($0.role) }
        for option in known where roles.contains(option.role) && option.order.count > 1 {
            columns.append(GroupPricing.Column(role: option.role, rate: option.rate, devices: option.order))
        }
        var best: (prices: [Double], worths: PhasePrices)?
        for round in 0..<rounds {
            guard var (prices, worths) = round == 0 ? firstPrices(goal) : master() else { break }
            if let best {
                // Prices of a restricted relaxation jump about; half way from the best ones is steadier.
                let weight = 0.5
                for device in prices.indices {
                    prices[device] = weight * prices[device] + (1 - weight) * best.prices[device]
                }
                worths.prefill = weight * worths.prefill + (1 - weight) * best.worths.prefill
                worths.decode = weight * worths.decode + (1 - weight) * best.worths.decode
            }
            let floor = floorPrice
            for device in prices.indices { prices[device] = max(prices[device], floor[device]) }
            let outcome = pricing.price(
                prices, worths: worths, precision: round < rounds / 2 ? 0.02 : 0.004, stop: stop)
            let total = prices.reduce(0, +) * outcome.ratio
            if total < bound {
                bound = total
                best = (prices.map { $0 * outcome.ratio }, worths)
            }
            if bound <= goal * 1.001 || stop() { break }
            let before = columns.count
            add(outcome.columns)
            if columns.count == before, round > rounds / 2 { break }
        }
    }

    /// What every device contributes at most in any group; no packing is worth more than all of them.
    private func firstPrices(_ goal: Double) -> (prices: [Double], worths: PhasePrices) {
        let contributions = Self.contributions(instance, roles)
        let scale = goal / max(contributions.reduce(0, +), 1e-300)
        return (contributions.map { $0 * scale }, Self.firstWorths(roles))
    }

    private static func firstWorths(_ roles: Set<ReplicaRole>) -> PhasePrices {
        let hasSplit = roles.contains(.prefill)
        return PhasePrices(
            prefill: hasSplit ? 0.5 : 0, decode: hasSplit ? 0.5 : 0, mixed: roles.contains(.mixed) ? 1 : 0)
    }

    private static func contributions(_ instance: PlanningInstance, _ roles: Set<ReplicaRole>) -> [Double] {
        GroupBound(instance, firstWorths(roles)).contributions
    }

    /// No device is free: a small share of what it is worth alone keeps groups of cheap devices from being infinitely good.
    private var floorPrice: [Double] {
        let output = max(1, instance.demand.outputTokens)
        let batch = instance.largestBatch
        return instance.devices.map { figures in
            let seconds = figures.prefill + output * figures.decode[batch] / Double(batch)
            let share = 0.02 / (Double(instance.layers) * seconds)
            return share.isFinite ? share : 1e-12
        }
    }

    private mutating func add(_ found: [GroupPricing.Column]) {
        for column in found
        where !columns.contains(where: {
            $0.role == column.role && $0.devices == column.devices && $0.rate >= column.rate
        }) {
            columns.append(column)
        }
    }

    /// Prices of devices and phases from the relaxation over the known columns.
    ///
    /// Variables: the columns and the rate of the split part. Rows: every class of devices as often as it is there, decode
    /// and prefill at least that rate.
    private func master() -> (prices: [Double], worths: PhasePrices)? {
        let count = classes.size.count
        let hasSplit = roles.contains(.prefill)
        var rows = classes.size
        if hasSplit { rows += [0, 0] }
        var variables: [(objective: Double, entries: [(row: Int, value: Double)])] = []
        for column in columns {
            var parts: [Int: Double] = [:]
            for device in column.devices { parts[classes.ofDevice[device], default: 0] += classes.scale[device] }
            var entries = parts.map { (row: $0, value: $1) }.sorted { $0.row < $1.row }
            switch column.role {
            case .prefill: entries.append((count, -column.rate))
            case .decode: entries.append((count + 1, -column.rate))
            case .mixed: break
            }
            variables.append((column.role == .mixed ? column.rate : 0, entries))
        }
        if hasSplit { variables.append((1, [(count, 1), (count + 1, 1)])) }
        var simplex = Simplex(rightSide: rows, columns: variables)
        guard let solution = simplex.solve() else { return nil }
        let mixed = roles.contains(.mixed) ? 1.0 : 0
        let prices = classes.ofDevice.indices.map { solution.prices[classes.ofDevice[$0]] * classes.scale[$0] }
        guard hasSplit else { return (prices, PhasePrices.mixedOnly) }
        let (prefill, decode) = (solution.prices[count], solution.prices[count + 1])
        let sum = max(prefill + decode, 1e-300)
        return (prices, PhasePrices(prefill: prefill / sum, decode: decode / sum, mixed: mixed))
    }
}
