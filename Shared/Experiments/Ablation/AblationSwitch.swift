internal import CostModel
internal import Domain
internal import Planning
internal import Scheduling
internal import Simulation

/// A part of E2LLM that an ablation switches off; the raw values are names in files.
public enum AblationSwitch: String, Codable, Sendable, Hashable, CaseIterable {
    /// Nothing is switched off.
    case nothing
    /// Groups, layers and roles as B3 has them: smallest groups of one type, leftovers merged.
    case grouping
    /// Replicas all mixed or all split, not both in one plan.
    case roles
    /// Plans are chosen by estimates.
    case trials
    /// Layers split evenly over the devices of a group.
    case layerSplit = "layer-split"
    /// KV travels when prefill has ended.
    case streaming
    /// KV travels as f16.
    case kvType = "kv-type"
    /// The replicas with the fewest requests are chosen.
    case routing
    /// No decoder computes prompts.
    case decoderPrefill = "prefill-on-decoder"
    /// Prompts are computed whole.
    case chunking
    /// A pipeline splits its sequences into one micro-batch a stage.
    case microBatches = "micro-batches"
    /// First come, first served.
    case overtaking

    /// What it is, for people.
    public var title: String {
        switch self {
        case .nothing: "nothing (all of E2LLM)"
        case .grouping: "grouping and roles (the plan of B3 instead)"
        case .roles: "roles mixed in one plan"
        case .trials: "trials of plans (estimates instead)"
        case .layerSplit: "layer split by speed and memory (even instead)"
        case .streaming: "streaming of KV"
        case .kvType: "KV as q8_0"
        case .routing: "routing by estimated wait (fewest requests instead)"
        case .decoderPrefill: "prefill on the decoder"
        case .chunking: "chunks (whole prompts instead)"
        case .microBatches: "micro-batches as planned (one a stage instead)"
        case .overtaking: "bounded overtaking (first come, first served instead)"
        }
    }

    /// What the system may use without this part.
    var conditions: SystemConditions {
        var conditions = SuiteMode.on.conditions
        switch self {
        case .nothing, .grouping, .layerSplit, .microBatches: break
        case .roles: conditions.roles = .uniform
        case .trials: conditions.triesPlans = false
        case .streaming: conditions.streams = false
        case .kvType: conditions.kvTypes = [.f16]
        case .routing: conditions.routing = .leastRequests
        case .decoderPrefill:
            conditions.roles = .split
            conditions.localPrefillTokens = 0
        case .chunking: conditions.chunkTokens = nil
        case .overtaking: conditions.mostOvertakers = 0
        }
        return conditions
    }

    /// Who plans and schedules without this part.
    var system: SimulatedSystem { self == .grouping ? .schedulerOnly : .e2llm }

    /// The plan without this part.
    func changed(_ plan: PlacementPlan, _ cost: FleetCost, requestTokens: Int, largestBatch: Int) -> PlacementPlan {
        switch self {
        case .layerSplit: plan.withEvenLayers(cost, requestTokens: requestTokens, largestBatch: largestBatch)
        case .microBatches: plan.withMicroBatchPerStage
        default: plan
        }
    }
}

extension PlacementPlan {
    /// The plan with each replica's layers split evenly; a replica whose devices cannot hold that with a request keeps its own.
    func withEvenLayers(_ cost: FleetCost, requestTokens: Int, largestBatch: Int) -> PlacementPlan {
        var plan = self
        for index in plan.replicas.indices {
            let stages = plan.replicas[index].stages
            let layers = stages.last?.layers.end ?? 0
            var start = 0
            var even: [PlanStage] = []
            for (position, stage) in stages.enumerated() {
                let end = (position + 1) * layers / stages.count
                even.append(PlanStage(device: stage.device, layers: LayerRange(start, end)))
                start = end
            }
            guard layers >= stages.count, cost.kvCapacityTokens(even) >= requestTokens else { continue }
            plan.replicas[index].stages = even
            plan.replicas[index].decodeConcurrency = 0
        }
        return plan.completed(cost, requestTokens: requestTokens, largestBatch: largestBatch)
    }

    /// The plan without a word on micro-batches.
    var withMicroBatchPerStage: PlacementPlan {
        var plan = self
        for index in plan.replicas.indices { plan.replicas[index].microBatches = nil }
        return plan
    }
}
