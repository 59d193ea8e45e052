internal import CostModel
internal import Domain

/// Estimated times of replicas, in seconds: from the measured fleet where all devices of a replica are known, from the
/// figures of the plan until then (a restarted scheduler has its plan before it has the fleet).
struct ReplicaTimes: Sendable {
    private let cost: FleetCost?
    private let workload: WorkloadStatistics
    private let chunkTokens: Int?
    private let ways: [ReplicaID: [ReplicaID: KVWay]]
    private let largestBatch: DecodeLimit

    /// What KV takes from one replica to another when nothing else travels.
    private struct KVWay: Sendable {
        var latency: Double
        var secondsPerToken: Double
    }

    /// How long a prompt takes on a replica.
    struct Prefill: Sendable, Hashable {
        /// From the first computation to the first token.
        var latency: Double
        /// After how long the next prompt may follow.
        var cycle: Double
    }

    /// Makes estimates for a plan on a fleet. A model that the cost model refuses leaves only the plan's figures.
    init(plan: PlacementPlan, fleet: Fleet, described: FleetCost? = nil, configuration: SchedulingConfiguration) {
        workload = plan.workload
        chunkTokens = configuration.chunkTokens
        largestBatch = configuration.largestBatch
        if let described, plan.model == described.model.digest {
            cost = described.keeping(plan.kvType).knowing(plan)
        } else if let model = fleet.model, plan.model == model.digest, !fleet.usableDevices.isEmpty {
            cost = (try? FleetCost(fleet: Self.withLostDevices(fleet), model: model))?.keeping(plan.kvType).knowing(
                plan)
        } else {
            cost = nil
        }
        ways = cost.map { Self.ways(plan, $0) } ?? [:]
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

    /// What a stage should have taken for the work of a report; `nil` where its device is not known.
    func seconds(_ stage: PlanStage, prefillTokens: Int, decodeSteps: Int, decodeRows: Int, contextTokens: Int)
        -> Double?
    {
        guard let cost, let device = cost.device(stage.device)?.cost else { return nil }
        let isLast = stage.layers.end == cost.model.layers
        var seconds = 0.0
        if prefillTokens > 0 {
            let chunk = min(chunkTokens ?? 256, 256)
            let perChunk = device.prefillSeconds(layers: stage.layers.count, tokens: chunk)
            seconds += perChunk * Double(prefillTokens) / Double(chunk)
        }
        if decodeSteps > 0 {
            let rows = max(1, decodeRows / decodeSteps)
            let step =
                device.decodeSeconds(layers: stage.layers.count, batch: rows, contextSum: rows * max(1, contextTokens))
                + (isLast ? device.headSeconds(rows: rows) : 0)
            seconds += step * Double(decodeSteps)
        }
        return seconds.isFinite && seconds > 0 ? seconds : nil
    }

    /// Most sequences that a replica decodes together; more wait for a place.
    func mostSequences(_ replica: PlanReplica) -> Int {
        largestBatch.sequences(planned: replica.decodeConcurrency)
    }

    /// The time between two tokens of a sequence when `sequences` are on a replica.
    func tokenGap(_ replica: PlanReplica, sequences: Int, contextTokens: Int) -> Double {
        let sequences = min(max(1, sequences), mostSequences(replica))
        if let estimate = cost?.decodeEstimate(
            replica.stages, concurrency: sequences, contextTokens: contextTokens)
        {
            return estimate.tokenGapSeconds
        }
        let planned = replica.predictedTokenGapSeconds > 0 ? replica.predictedTokenGapSeconds : Self.assumedGapSeconds
        // Beyond the planned concurrency the gap is taken to grow in proportion.
        return planned * max(1, Double(sequences) / Double(max(1, replica.decodeConcurrency)))
    }

    /// The KV transfer of a prompt that is not hidden behind its prefill; 0 within one replica.
    func kvSeconds(from prefill: PlanReplica, to decode: PlanReplica, tokens: Int, prefillSeconds: Double) -> Double {
        guard prefill.id != decode.id, let cost, let way = ways[prefill.id]?[decode.id] else { return 0 }
        return cost.exposedKVSeconds(
            transferSeconds: way.latency + way.secondsPerToken * Double(tokens), prefillSeconds: prefillSeconds,
            tokens: tokens, chunkTokens: chunkTokens)
    }

    /// What the KV cache of a sequence takes from one replica to another; `nil` where the way is not known.
    func moveSeconds(from old: PlanReplica, to new: PlanReplica, tokens: Int) -> Double? {
        guard let cost, (old.stages + new.stages).allSatisfy({ cost.device($0.device) != nil }) else { return nil }
        return cost.kvTransferSeconds(cost.kvFlows(from: old.stages, to: new.stages, tokens: tokens))
    }

    /// What a prompt's KV takes from every prefill to every decoder replica: it grows with its tokens.
    private static func ways(_ plan: PlacementPlan, _ cost: FleetCost) -> [ReplicaID: [ReplicaID: KVWay]] {
        let tokens = 1024
        var ways: [ReplicaID: [ReplicaID: KVWay]] = [:]
        for prefill in plan.replicas where prefill.role == .prefill {
            for decode in plan.replicas where decode.role != .prefill {
                let flows = cost.kvFlows(from: prefill.stages, to: decode.stages, tokens: tokens)
                guard !flows.isEmpty else { continue }
                let busiest = cost.kvOccupation(flows).values.max() ?? 0
                ways[prefill.id, default: [:]][decode.id] = KVWay(
                    latency: cost.kvTransferSeconds(flows) - busiest, secondsPerToken: busiest / Double(tokens))
            }
        }
        return ways
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
