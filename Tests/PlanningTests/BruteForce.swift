import CostModel
import Domain
import Planning

/// Partitions by trying everything, from the public estimates alone.
struct BruteForce {
    let cost: FleetCost
    let query: PartitionQuery

    struct Best {
        var cycle = Double.infinity
        var latency = Double.infinity
    }

    /// Best over all cuts of the query's order, or of every order.
    func solve() -> Best? {
        var best = Best()
        if query.ordered {
            cut(query.devices, [], &best)
        } else {
            permute(query.devices, []) { cut($0, [], &best) }
        }
        return best.cycle.isFinite ? best : nil
    }

    private func permute(_ rest: [DeviceID], _ chosen: [DeviceID], _ visit: ([DeviceID]) -> Void) {
        if rest.isEmpty { return visit(chosen) }
        for (index, device) in rest.enumerated() {
            var others = rest
            others.remove(at: index)
            permute(others, chosen + [device], visit)
        }
    }

    private func cut(_ devices: [DeviceID], _ stages: [PlanStage], _ best: inout Best) {
        let start = stages.last?.layers.end ?? 0
        let layers = cost.model.layers
        if stages.count == devices.count {
            if start == layers { evaluate(stages, &best) }
            return
        }
        let device = devices[stages.count]
        for end in stride(from: start + 1, through: layers, by: 1) {
            let range = LayerRange(start, end)
            let needed = cost.memoryBytes(range, kvTokens: query.kvTokens)
            if let memory = cost.device(device)?.memoryBytes, needed <= memory {
                cut(devices, stages + [PlanStage(device: device, layers: range)], &best)
            }
        }
    }

    private func evaluate(_ stages: [PlanStage], _ best: inout Best) {
        let (cycle, latency) = Self.times(stages, query, cost)
        if cycle < best.cycle * (1 - 1e-12) || (cycle <= best.cycle * (1 + 1e-12) && latency < best.latency) {
            best = Best(cycle: cycle, latency: latency)
        }
    }

    /// Slowest stage or forward hop, and sum of everything, the way back included.
    static func times(_ stages: [PlanStage], _ query: PartitionQuery, _ cost: FleetCost) -> (Double, Double) {
        if query.phase == .prefill {
            let estimate = cost.prefillEstimate(stages, tokens: query.promptTokens)
            return (estimate?.cycleSeconds ?? .infinity, estimate?.latencySeconds ?? .infinity)
        }
        guard
            let estimate = cost.decodeEstimate(
                stages, concurrency: query.batch, contextTokens: query.contextTokens, microBatches: 1)
        else { return (.infinity, .infinity) }
        let forward = stages.count > 1 ? Array(estimate.hopSeconds.dropLast()) : []
        return ((estimate.stageSeconds + forward).max() ?? .infinity, estimate.latencySeconds)
    }
}
