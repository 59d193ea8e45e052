internal import CostModel
internal import Domain

/// A group of devices as a decoder replica with one choice of layer ranges.
struct DecodeOption: Sendable {
    var stages: [PlanStage]
    /// Token gap for every concurrency from 1 on.
    var gaps: [Double]
    /// The concurrency with the highest rate that keeps the minimum decode speed.
    var concurrency: Int
    /// Requests per second at that concurrency.
    var rate: Double
    /// Whether the minimum decode speed is reached.
    var meetsSpeed: Bool

    /// Token gap at the concurrency of the plan.
    var gap: Double { gaps[concurrency - 1] }

    /// Token gap when `rate` requests per second of `outputTokens` tokens decode here: at the least concurrency that
    /// sustains them.
    func gap(rate: Double, outputTokens: Int) -> Double {
        for (index, gap) in gaps.prefix(concurrency).enumerated()
        where Double(index + 1) >= rate * Double(outputTokens) * gap { return gap }
        return gap
    }

    /// Chooses the concurrency for a pipeline, or `nil` where not even one request fits or decode was not measured.
    ///
    /// Where one request alone is slower than the minimum, the concurrency may cost up to half of the speed that it has
    /// alone.
    init?(_ stages: [PlanStage], cost: FleetCost, traffic: Traffic, options: PlanningOptions) {
        let room = cost.kvCapacityTokens(stages) / traffic.requestTokens
        let most = min(room, max(1, options.largestDecodeConcurrency))
        guard most >= 1 else { return nil }
        var gaps: [Double] = []
        for concurrency in 1...most {
            guard
                let estimate = cost.decodeEstimate(
                    stages, concurrency: concurrency, contextTokens: traffic.contextTokens)
            else { return nil }
            gaps.append(estimate.tokenGapSeconds)
        }
        let wanted = options.minimumTokensPerSecond > 0 ? 1 / options.minimumTokensPerSecond : .infinity
        meetsSpeed = gaps[0] <= wanted
        let limit = meetsSpeed ? wanted : 2 * gaps[0]
        self.stages = stages
        self.gaps = gaps
        concurrency = 1
        rate = 0
        for (index, gap) in gaps.enumerated() where gap <= limit {
            let rate = Double(index + 1) / (Double(traffic.outputTokens) * gap)
            if rate > self.rate * (1 + 1e-9) { (concurrency, self.rate) = (index + 1, rate) }
        }
    }
}

/// A group of devices as a replica with a role.
struct RoleMember: Sendable {
    /// Unique among the members of one search; names the pair in the cache of KV transfers.
    var id: Int
    var role: ReplicaRole
    var stages: [PlanStage]
    /// Prefill times for one mean prompt; `nil` for a decoder replica.
    var prefill: PrefillEstimate?
    /// `nil` for a prefill replica.
    var decode: DecodeOption?
    /// Requests per second that it sustains in its phases.
    var rate: Double

    var meetsSpeed: Bool { decode?.meetsSpeed ?? true }

    init(id: Int, stages: [PlanStage], prefill: PrefillEstimate) {
        self.id = id
        role = .prefill
        self.stages = stages
        self.prefill = prefill
        rate = 1 / prefill.cycleSeconds
    }

    init(id: Int, decode: DecodeOption) {
        self.id = id
        role = .decode
        stages = decode.stages
        self.decode = decode
        rate = decode.rate
    }

    /// A mixed replica shares its time: a request costs its prefill cycle and its share of decode steps.
    init(id: Int, prefill: PrefillEstimate, decode: DecodeOption) {
        self.id = id
        role = .mixed
        stages = decode.stages
        self.prefill = prefill
        self.decode = decode
        rate = 1 / (prefill.cycleSeconds + 1 / decode.rate)
    }
}

/// Everything that one group of devices can be in a plan.
struct ReplicaOptions: Sendable {
    /// As a prefill replica.
    var prefill: RoleMember?
    /// As a decoder replica with the highest rate.
    var decode: RoleMember?
    /// As a decoder replica with the smallest token gap for a request alone; often the same.
    var quickDecode: RoleMember?
    /// As a mixed replica.
    var mixed: RoleMember?

    /// The member for a role; `quick` prefers a small token gap to a high rate.
    func member(_ role: ReplicaRole, quick: Bool) -> RoleMember? {
        switch role {
        case .prefill: prefill
        case .decode: quick ? quickDecode : decode
        case .mixed: mixed
        }
    }

    /// Whether the group can serve anything.
    var isUsable: Bool { prefill != nil || decode != nil }

    /// Makes the options from layer ranges that suit prefill and layer ranges that suit decode. `ids` are four free ids.
    init(
        prefillStages: [PlanStage]?, decodeStages: [[PlanStage]], ids: Int, cost: FleetCost, traffic: Traffic,
        options: PlanningOptions
    ) {
        func prefillTimes(_ stages: [PlanStage]) -> PrefillEstimate? {
            cost.prefillEstimate(stages, tokens: traffic.promptTokens, chunkTokens: options.chunkTokens)
        }
        if let stages = prefillStages, let estimate = prefillTimes(stages) {
            prefill = RoleMember(id: ids, stages: stages, prefill: estimate)
        }
        var decoders: [DecodeOption] = []
        for stages in decodeStages where !decoders.contains(where: { Self.samePlaces($0.stages, stages) }) {
            if let option = DecodeOption(stages, cost: cost, traffic: traffic, options: options) {
                decoders.append(option)
            }
        }
        let wanted = decoders.contains(where: \.meetsSpeed) ? decoders.filter(\.meetsSpeed) : decoders
        guard let best = wanted.max(by: { ($0.rate, -$0.gaps[0]) < ($1.rate, -$1.gaps[0]) }),
            let quick = wanted.min(by: { ($0.gaps[0], -$0.rate) < ($1.gaps[0], -$1.rate) })
        else { return }
        decode = RoleMember(id: ids + 1, decode: best)
        quickDecode = Self.samePlaces(best.stages, quick.stages) ? decode : RoleMember(id: ids + 2, decode: quick)
        mixed =
            wanted.compactMap { option in
                prefillTimes(option.stages).map { RoleMember(id: ids + 3, prefill: $0, decode: option) }
            }.max { $0.rate < $1.rate }
    }

    private static func samePlaces(_ left: [PlanStage], _ right: [PlanStage]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0.device == $1.device && $0.layers == $1.layers }
    }
}
