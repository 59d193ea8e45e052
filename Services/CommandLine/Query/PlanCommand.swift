import ArgumentParser
import Domain
import Drawing
import Protocol
import ServiceRuntime

/// `e2llm plan`: the plan in force, predicted against measured; with `--fleet`, a plan for a fleet that is described.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows the plan in force of a running cluster; with --fleet, plans for a fleet that is described.")

    @OptionGroup(title: "A running cluster") var cluster: ClusterOptions
    @OptionGroup(title: "A described fleet") var scenario: ScenarioOptions
    @OptionGroup(title: "Planning") var choices: PlanningChoices
    @OptionGroup(title: "Output for a described fleet") var output: PlanOutput
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            if scenario.fleet != nil || scenario.model != nil || scenario.workload != nil || scenario.rate != nil {
                return try output.run(scenario, choices, json: json)
            }
            let (state, envelope) = try await cluster.ask(.control, .stateGet, as: SchedulerState.self)
            let report = PlanReport(state: state, epoch: envelope.epoch ?? 0)
            if json { return try JSONOutput.print(report) }
            print(report.text)
        }
    }
}

/// The plan in force with what its stages have measured.
struct PlanReport: Encodable {
    struct Stage: Encodable {
        var device: DeviceID
        var layers: LayerRange
        var alive: Bool
        var residentBytes: Int?
        /// One mean prompt of the plan's workload.
        var predictedPrefillSeconds: Double?
        /// The measured time per prompt token times the mean prompt.
        var measuredPrefillSeconds: Double?
        /// One decode step at the planned concurrency.
        var predictedDecodeSeconds: Double?
        /// The mean of the decode steps so far.
        var measuredDecodeSeconds: Double?
        /// Sequences in them, on average.
        var measuredDecodeBatch: Double?

        enum CodingKeys: String, CodingKey {
            case device, layers, alive
            case residentBytes = "resident_bytes"
            case predictedPrefillSeconds = "predicted_prefill_s"
            case measuredPrefillSeconds = "measured_prefill_s"
            case predictedDecodeSeconds = "predicted_decode_s"
            case measuredDecodeSeconds = "measured_decode_s"
            case measuredDecodeBatch = "measured_decode_batch"
        }
    }

    struct Replica: Encodable {
        var id: ReplicaID
        var role: ReplicaRole
        var decodeConcurrency: Int
        var kvCapacityTokens: Int
        var kvReservedTokens: Int
        var requests: Int
        var predictedRequestsPerSecond: Double
        var predictedTokenGapSeconds: Double
        var stages: [Stage]

        enum CodingKeys: String, CodingKey {
            case id, role, requests, stages
            case decodeConcurrency = "decode_concurrency"
            case kvCapacityTokens = "kv_capacity_tokens"
            case kvReservedTokens = "kv_reserved_tokens"
            case predictedRequestsPerSecond = "predicted_requests_per_s"
            case predictedTokenGapSeconds = "predicted_token_gap_s"
        }
    }

    var ready: Bool
    var reason: String
    var epoch: Epoch
    var plan: PlacementPlan?
    var replicas: [Replica]
    var waiting: Int
    var running: Int
    var workload: WorkloadStatistics

    init(state: SchedulerState, epoch: Epoch) {
        ready = state.ready
        reason = state.reason
        self.epoch = epoch
        plan = state.plan
        waiting = state.waiting
        running = state.running
        workload = state.workload
        let prompt = state.plan?.workload.meanPromptTokens ?? 0
        replicas = (state.plan?.replicas ?? []).map { replica in
            let load = state.replicas.first { $0.replica == replica.id }
            return Replica(
                id: replica.id, role: replica.role, decodeConcurrency: replica.decodeConcurrency,
                kvCapacityTokens: load?.kvCapacityTokens ?? replica.kvCapacityTokens,
                kvReservedTokens: load?.kvReservedTokens ?? 0, requests: load?.requests ?? 0,
                predictedRequestsPerSecond: replica.predictedRequestsPerSecond,
                predictedTokenGapSeconds: replica.predictedTokenGapSeconds,
                stages: replica.stages.enumerated().map { index, stage in
                    Self.stage(stage, load?.stages.indices.contains(index) == true ? load?.stages[index] : nil, prompt)
                })
        }
    }

    private static func stage(_ stage: PlanStage, _ load: StageLoad?, _ prompt: Double) -> Stage {
        let counters = load?.status?.load.counters
        var result = Stage(
            device: stage.device, layers: stage.layers, alive: load?.alive ?? false,
            residentBytes: load?.status?.load.residentBytes, predictedPrefillSeconds: stage.predictedPrefillSeconds,
            predictedDecodeSeconds: stage.predictedDecodeSeconds)
        if let counters, counters.prefillTokens > 0 {
            result.measuredPrefillSeconds = counters.prefillSeconds / Double(counters.prefillTokens) * prompt
        }
        if let counters, counters.decodeSteps > 0 {
            result.measuredDecodeSeconds = counters.decodeSeconds / Double(counters.decodeSteps)
            result.measuredDecodeBatch = Double(counters.decodeRows) / Double(counters.decodeSteps)
        }
        return result
    }

    var text: String {
        var lines = [ready ? "ready, epoch \(epoch)" : "not ready: \(reason)"]
        guard let plan else { return lines.joined(separator: "\n") }
        lines.append(
            "plan \(plan.id) (\(plan.algorithm)), \(ReportText.number(plan.predictedRequestsPerSecond)) requests/s "
                + "predicted")
        var rows = [["REPLICA", "ROLE", "DEVICE", "LAYERS", "PREFILL predicted/measured", "DECODE predicted/measured"]]
        for replica in replicas {
            for stage in replica.stages {
                rows.append([
                    replica.id.rawValue, replica.role.rawValue, stage.device.rawValue, stage.layers.description,
                    Self.pair(stage.predictedPrefillSeconds, stage.measuredPrefillSeconds),
                    Self.pair(stage.predictedDecodeSeconds, stage.measuredDecodeSeconds),
                ])
            }
        }
        lines.append(TextTable.format(rows))
        if !plan.idleDevices.isEmpty {
            lines.append("idle: \(plan.idleDevices.map(\.rawValue).joined(separator: ", "))")
        }
        lines += plan.relaxations
        return lines.joined(separator: "\n")
    }

    private static func pair(_ predicted: Double?, _ measured: Double?) -> String {
        "\(milliseconds(predicted)) / \(milliseconds(measured))"
    }

    private static func milliseconds(_ value: Double?) -> String {
        value.map { "\(ReportText.number($0 * 1000)) ms" } ?? "-"
    }
}
