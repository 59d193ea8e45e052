import Domain
import Protocol

/// Devices, links, plan and stages as figures.
enum FleetMetrics {
    /// Adds the devices and links.
    static func add(_ fleet: Fleet, to text: inout MetricText) {
        for device in fleet.devices {
            let label = [("device", device.id.rawValue)]
            for state in DeviceState.allCases {
                text.add(
                    "e2llm_device_state", "1 for the state that a device is in.",
                    labels: label + [("state", state.rawValue)], device.state == state ? 1 : 0)
            }
            text.add(
                "e2llm_device_memory_usable_bytes", "Memory that plans may use of a device.", labels: label,
                Double(device.memoryUsableBytes))
        }
        for link in fleet.links {
            let labels = [("from", link.from.rawValue), ("to", link.to.rawValue)]
            text.add("e2llm_link_latency_seconds", "Measured latency of a link.", labels: labels, link.latencySeconds)
            text.add("e2llm_link_bytes_per_second", "Measured speed of a link.", labels: labels, link.bytesPerSecond)
        }
    }

    /// Adds the plan in force with its replicas and stages.
    static func add(_ state: SchedulerState, to text: inout MetricText) {
        text.add("e2llm_ready", "1 while requests are served.", state.ready ? 1 : 0)
        if let plan = state.plan {
            text.add(
                "e2llm_plan", "1 for the plan in force.",
                labels: [("plan", plan.id.rawValue), ("algorithm", plan.algorithm)], 1)
            text.add(
                "e2llm_plan_predicted_requests_per_second", "What the plan in force was predicted to serve.",
                plan.predictedRequestsPerSecond)
        }
        for load in state.replicas {
            let plan = state.plan?.replicas.first { $0.id == load.replica }
            let labels = [("replica", load.replica.rawValue), ("role", plan?.role.rawValue ?? "leaving")]
            text.add("e2llm_replica_requests", "Requests in a replica.", labels: labels, Double(load.requests))
            text.add(
                "e2llm_replica_kv_capacity_tokens", "Tokens of KV cache that a replica can hold.", labels: labels,
                Double(load.kvCapacityTokens))
            text.add(
                "e2llm_replica_kv_reserved_tokens", "Tokens of KV cache that are reserved in a replica.",
                labels: labels, Double(load.kvReservedTokens))
            for (index, stage) in load.stages.enumerated() {
                let planned = plan.flatMap { $0.stages.indices.contains(index) ? $0.stages[index] : nil }
                add(stage, planned, labels + [("stage", "\(index)"), ("device", stage.device.rawValue)], to: &text)
            }
        }
    }

    private static func add(
        _ stage: StageLoad, _ planned: PlanStage?, _ labels: [(String, String)], to text: inout MetricText
    ) {
        text.add("e2llm_stage_alive", "1 while a stage's worker is heard.", labels: labels, stage.alive ? 1 : 0)
        if let planned {
            text.add("e2llm_stage_layers", "Layers of a stage.", labels: labels, Double(planned.layers.count))
            if let seconds = planned.predictedDecodeSeconds {
                text.add(
                    "e2llm_stage_predicted_decode_seconds", "A decode step of a stage, as planned.", labels: labels,
                    seconds)
            }
        }
        guard let load = stage.status?.load else { return }
        text.add(
            "e2llm_stage_resident_bytes", "Memory of a stage's worker.", labels: labels, Double(load.residentBytes))
        text.add(
            "e2llm_stage_kv_used_tokens", "Tokens in the KV cache of a stage.", labels: labels,
            Double(load.kvUsedTokens))
        text.add("e2llm_stage_running", "Sequences that a stage computes.", labels: labels, Double(load.running))
        text.add("e2llm_stage_waiting", "Sequences that wait at a stage.", labels: labels, Double(load.waiting))
        if load.counters.decodeSteps > 0 {
            text.add(
                "e2llm_stage_mean_decode_seconds", "Mean of a stage's decode steps so far.", labels: labels,
                load.counters.decodeSeconds / Double(load.counters.decodeSteps))
        }
    }
}
