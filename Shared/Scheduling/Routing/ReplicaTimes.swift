internal import CostModel
internal import Domain

/// Estimated times of replicas, in seconds: from the measured fleet where all devices of a replica are known, from the
/// figures of the plan until then (a restarted scheduler has its plan before it has the fleet).
struct ReplicaTimes: Sendable {
    private let cost: FleetCost?
    private let workload: WorkloadStatistics
    private let chunkTokens: Int?

    /// How long a prompt takes on a replica.
    struct Prefill: Sendable, Hashable {
        /// From the first computation to the first token.
        var latency: Double
        /// After how long the next prompt may follow.
        var cycle: Double
    }

    /// Makes estimates for a plan on a fleet. A model that the cost model refuses leaves only the plan's figures.
    init(plan: PlacementPlan, fleet: Fleet, chunkTokens: Int?) {
        workload = plan.workload
        self.chunkTokens = chunkTokens
        if let model = fleet.model, plan.model == model.digest, !fleet.usableDevices.isEmpty {
            cost = try? FleetCost(fleet: Self.withLostDevices(fleet), model: model)
        } else {
            cost = nil
        }
    }

    /// A lost device keeps its profile; replicas that only just lost a worker keep their estimates.
    private static func withLostDevices(_ fleet: Fleet) -> Fleet {
        var fleet = fleet
        for index in fleet.devices.indices where fleet.devices[index].state == .lost {
            fleet.devices[index].state = .ready
        }
        return fleet
    }

    /// A prompt of `tokens` tokens alone on the replica.
    func prefill(_ replica: PlanReplica, tokens: Int) -> Prefill {
        if let estimate = cost?.prefillEstimate(replica.stages, tokens: max(1, tokens), chunkTokens: chunkTokens) {
            return Prefill(latency: estimate.latencySeconds, cycle: estimate.cycleSeconds)
        }
        let share = Double(max(1, tokens)) / max(1, workload.meanPromptTokens)
        let stages = replica.stages.map { ($0.predictedPrefillSeconds ?? Self.assumedPrefillSeconds) * share }
        return Prefill(latency: stages.reduce(0, +), cycle: stages.max() ?? 0)
    }

    /// The time between two tokens of a sequence when `sequences` decode together.
    func tokenGap(_ replica: PlanReplica, sequences: Int, contextTokens: Int) -> Double {
        if let estimate = cost?.decodeEstimate(
            replica.stages, concurrency: max(1, sequences), contextTokens: contextTokens)
        {
            return estimate.tokenGapSeconds
        }
        let planned = replica.predictedTokenGapSeconds > 0 ? replica.predictedTokenGapSeconds : Self.assumedGapSeconds
        // Beyond the planned concurrency the gap is taken to grow in proportion.
        return planned * max(1, Double(sequences) / Double(max(1, replica.decodeConcurrency)))
    }

    /// The KV transfer of a prompt that is not hidden behind its prefill; 0 within one replica.
    func kvSeconds(from prefill: PlanReplica, to decode: PlanReplica, tokens: Int, prefillSeconds: Double) -> Double {
        guard prefill.id != decode.id, let cost else { return 0 }
        let flows = cost.kvFlows(from: prefill.stages, to: decode.stages, tokens: tokens)
        guard !flows.isEmpty else { return 0 }
        return cost.exposedKVSeconds(
            transferSeconds: cost.kvTransferSeconds(flows), prefillSeconds: prefillSeconds, tokens: tokens,
            chunkTokens: chunkTokens)
    }

    /// Requests per second that a plan sustains for a workload: by the shares of its replicas in the scarcer phase.
    /// A mixed replica's devices serve both phases one after the other.
    func capacity(_ plan: PlacementPlan, workload: WorkloadStatistics) -> Double {
        let prompt = max(1, Int(workload.meanPromptTokens.rounded()))
        let output = max(1, workload.meanOutputTokens)
        var prefillRate = 0.0
        var decodeRate = 0.0
        var mixedRate = 0.0
        for replica in plan.replicas {
            let perPrompt = prefill(replica, tokens: prompt).cycle
            let sequences = max(1, replica.decodeConcurrency)
            let gap = tokenGap(replica, sequences: sequences, contextTokens: prompt + Int(output / 2))
            let perOutput = output * gap / Double(sequences)
            switch replica.role {
            case .prefill: prefillRate += perPrompt > 0 ? 1 / perPrompt : 0
            case .decode: decodeRate += perOutput > 0 ? 1 / perOutput : 0
            case .mixed: mixedRate += perPrompt + perOutput > 0 ? 1 / (perPrompt + perOutput) : 0
            }
        }
        return min(prefillRate, decodeRate) + mixedRate
    }

    /// Without any figure a stage is taken for slow.
    private static let assumedPrefillSeconds = 1.0
    private static let assumedGapSeconds = 0.1
}
