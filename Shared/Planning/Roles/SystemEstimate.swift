internal import CostModel
internal import Domain

/// Rates and times of a whole plan, from its members.
struct SystemEstimate: Sendable {
    let cost: FleetCost
    let traffic: Traffic
    let options: PlanningOptions
    private var resources = ResourceNumbers()
    private var transfers: [Int: Transfer] = [:]

    /// What the KV of one mean prompt costs between two members.
    private struct Transfer: Sendable {
        /// Seconds that each resource of the network is occupied.
        var occupied: [(resource: Int, seconds: Double)]
        /// Seconds that streaming does not hide.
        var exposed: Double
    }

    init(cost: FleetCost, traffic: Traffic, options: PlanningOptions) {
        self.cost = cost
        self.traffic = traffic
        self.options = options
    }

    /// The score of a plan, or `nil` where a phase is not served.
    ///
    /// Decoder and mixed replicas that are too slow serve only where no other one serves the phase.
    mutating func score(_ all: [RoleMember]) -> (score: PlanScore, members: [RoleMember])? {
        let fast = all.filter(\.meetsSpeed)
        let enough = fast.contains { $0.decode != nil }
        let members = enough ? fast : all
        let prefills = members.filter { $0.role == .prefill }
        let decodes = members.filter { $0.role == .decode }
        let mixed = members.filter { $0.role == .mixed }
        guard prefills.isEmpty == decodes.isEmpty, !(prefills.isEmpty && mixed.isEmpty) else { return nil }

        let mixedRate = mixed.reduce(0) { $0 + $1.rate }
        let prefillRate = prefills.reduce(0) { $0 + $1.rate }
        let decodeRate = decodes.reduce(0) { $0 + $1.rate }
        let kvRate = prefills.isEmpty ? 0 : self.kvRate(prefills, decodes, prefillRate, decodeRate)
        let split = min(prefillRate, decodeRate, kvRate)
        var excess = 0.0
        // Where a fleet mixes only, its one rate counts once; otherwise every phase, and the way between them, counts.
        let flows = prefills.isEmpty ? [mixedRate] : [prefillRate, decodeRate, kvRate].map { $0 + mixedRate }
        for flow in flows { excess += max(0, 1 / flow - traffic.interval) }
        let margin = options.allowMixed && !mixed.isEmpty ? 1 + options.mixedMargin : 1
        let seconds = requestSeconds(prefills, decodes, mixed, split: split, mixedRate: mixedRate)
        let score = PlanScore(
            mixes: options.allowMixed || mixed.isEmpty ? 0 : 1, tooSlow: enough ? 0 : 1,
            excessSteps: (excess * margin / traffic.interval * 1000).rounded(), requestSeconds: seconds * margin,
            requestsPerSecond: split + mixedRate, stages: members.reduce(0) { $0 + $1.stages.count },
            excessSeconds: excess)
        return (score, members)
    }

    /// Prompts per second whose KV the network can carry when every pair is used in proportion to its members' rates.
    private mutating func kvRate(
        _ prefills: [RoleMember], _ decodes: [RoleMember], _ prefillRate: Double, _ decodeRate: Double
    ) -> Double {
        var occupied: [Int: Double] = [:]
        for prefill in prefills {
            for decode in decodes {
                let share = prefill.rate / prefillRate * decode.rate / decodeRate
                for (resource, seconds) in transfer(prefill, decode).occupied {
                    occupied[resource, default: 0] += share * seconds
                }
            }
        }
        let busiest = occupied.values.max() ?? 0
        return busiest > 0 ? 1 / busiest : .greatestFiniteMagnitude
    }

    /// Mean seconds from arrival to last token when requests are routed to the replica that is estimated to finish first.
    private mutating func requestSeconds(
        _ prefills: [RoleMember], _ decodes: [RoleMember], _ mixed: [RoleMember], split: Double, mixedRate: Double
    ) -> Double {
        let splitShare = split + mixedRate > 0 ? split / (split + mixedRate) : 0
        let output = Double(traffic.outputTokens)
        var total = 0.0
        if splitShare > 0 {
            let rate = traffic.rate * splitShare
            let prefill = routed(prefills, rate: rate) { member, load in
                guard let times = member.prefill else { return .infinity }
                let wait = traffic.waitSeconds(
                    utilisation: load * times.cycleSeconds, servers: 1, seconds: times.cycleSeconds)
                return times.latencySeconds + wait
            }
            var exposed: [Double] = []
            for decode in decodes {
                var sum = 0.0
                for (index, member) in prefills.enumerated() {
                    sum += prefill.shares[index] * transfer(member, decode).exposed
                }
                exposed.append(sum)
            }
            let indexed = Dictionary(
                zip(decodes.map(\.id), exposed), uniquingKeysWith: { first, _ in first })
            let decode = routed(decodes, rate: rate) { member, load in
                decodeSeconds(member, load: load, capacity: member.rate, output: output) + (indexed[member.id] ?? 0)
            }
            total += splitShare * (prefill.seconds + decode.seconds)
        }
        if mixedRate > 0 {
            let served = routed(mixed, rate: traffic.rate * (1 - splitShare)) { member, load in
                guard let times = member.prefill else { return .infinity }
                // Prompts of other requests stall the decode steps of this one.
                let stall = 1 + load * times.cycleSeconds
                return times.latencySeconds
                    + stall * decodeSeconds(member, load: load, capacity: member.rate, output: output)
            }
            total += (1 - splitShare) * served.seconds
        }
        return total
    }

    private func decodeSeconds(_ member: RoleMember, load: Double, capacity: Double, output: Double) -> Double {
        guard let decode = member.decode else { return .infinity }
        let service = output * decode.gap(rate: load, outputTokens: traffic.outputTokens)
        return service
            + traffic.waitSeconds(utilisation: load / capacity, servers: decode.concurrency, seconds: service)
    }

    /// Routes `rate` requests per second in eight portions, each to the member where it takes least; returns the shares
    /// and the mean seconds.
    private func routed(
        _ members: [RoleMember], rate: Double, seconds: (RoleMember, Double) -> Double
    ) -> (shares: [Double], seconds: Double) {
        guard members.count > 1 else {
            return ([1], members.first.map { seconds($0, rate) } ?? .infinity)
        }
        let portions = 8
        var counts = [Int](repeating: 0, count: members.count)
        for _ in 0..<portions {
            var best = (index: 0, seconds: Double.infinity)
            for (index, member) in members.enumerated() {
                let time = seconds(member, rate * Double(counts[index] + 1) / Double(portions))
                if time < best.seconds { best = (index, time) }
            }
            counts[best.index] += 1
        }
        let shares = counts.map { Double($0) / Double(portions) }
        var mean = 0.0
        for (member, share) in zip(members, shares) where share > 0 { mean += share * seconds(member, rate * share) }
        return (shares, mean)
    }

    private mutating func transfer(_ prefill: RoleMember, _ decode: RoleMember) -> Transfer {
        let key = prefill.id << 32 | decode.id
        if let known = transfers[key] { return known }
        let flows = cost.kvFlows(
            from: prefill.stages, to: decode.stages, tokens: traffic.promptTokens)
        let exposed = cost.exposedKVSeconds(
            transferSeconds: cost.kvTransferSeconds(flows), prefillSeconds: prefill.prefill?.latencySeconds ?? 0,
            tokens: traffic.promptTokens, chunkTokens: options.chunkTokens)
        var occupied: [(resource: Int, seconds: Double)] = []
        for (resource, seconds) in cost.kvOccupation(flows) { occupied.append((resources.number(resource), seconds)) }
        let made = Transfer(occupied: occupied, exposed: exposed)
        transfers[key] = made
        return made
    }
}

/// Numbers for the resources of the network, so that loads can be added up without hashing names.
private struct ResourceNumbers: Sendable {
    private var numbers: [NetworkResource.Identity: Int] = [:]

    mutating func number(_ resource: NetworkResource.Identity) -> Int {
        if let known = numbers[resource] { return known }
        numbers[resource] = numbers.count
        return numbers.count - 1
    }
}
