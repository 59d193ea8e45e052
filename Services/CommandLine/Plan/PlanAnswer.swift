import Domain
import Drawing
import Planning
import Scenarios

/// What `e2llm plan --fleet` prints as JSON.
struct PlanAnswer: Encodable {
    /// What is expected of a plan: requests per second at saturation, and seconds per request at the rate that was asked
    /// for (`null` where a queue would grow without end).
    struct Predicted: Encodable {
        var requestsPerSecond: Double
        var waiting: Double?
        var prefillWait: Double?
        var kvTransfer: Double?
        var decodeWait: Double?
        var stall: Double?
        var total: Double?
        var firstToken: Double?
        var firstTokenP99: Double?
        var utilisation: Double?

        enum CodingKeys: String, CodingKey {
            case stall, utilisation
            case requestsPerSecond = "requests_per_s"
            case waiting = "w_total_s"
            case prefillWait = "w_prefill_s"
            case kvTransfer = "t_kv_s"
            case decodeWait = "w_decode_s"
            case total = "e2e_s"
            case firstToken = "ttft_s"
            case firstTokenP99 = "ttft_p99_s"
        }
    }

    /// A part of the traffic: from which prefill to which decoder group.
    struct Flow: Encodable {
        var from: String
        var to: String
        var requestsPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case from, to
            case requestsPerSecond = "requests_per_s"
        }
    }

    /// What a change of the fleet would bring.
    struct Change: Encodable {
        var change: String
        var requestsPerSecond: Double
        var upperBound: Double
        var text: [String]

        enum CodingKeys: String, CodingKey {
            case change, text
            case requestsPerSecond = "requests_per_s"
            case upperBound = "upper_bound"
        }
    }

    var plan: [String: GroupPlan]
    var predicted: Predicted
    var upperBound: Double?
    var gap: Double?
    var seconds: Double
    var algorithm: String
    var isExact: Bool
    var wasStopped: Bool
    var kvType: KVType
    var flows: [Flow]
    var concurrency: [String: Int]
    var microBatches: [String: Int]
    var idle: [DeviceID]
    var relaxations: [String]
    var move: PlanMove?
    var explanation: [String]?
    var whatIf: [Change]?

    enum CodingKeys: String, CodingKey {
        case plan, predicted, gap, seconds, algorithm, flows, concurrency, idle, relaxations, move, explanation
        case upperBound = "upper_bound"
        case isExact = "exact"
        case wasStopped = "stopped"
        case kvType = "kv_type"
        case microBatches = "micro_batches"
        case whatIf = "what_if"
    }

    init(_ answer: ScenarioPlanner.Answer, scenario: String) {
        plan = [scenario: GroupPlan(scenario: scenario, plan: answer.plan)]
        seconds = answer.seconds
        algorithm = answer.plan.algorithm
        idle = answer.plan.idleDevices
        relaxations = answer.plan.relaxations
        move = answer.move
        predicted = Predicted(requestsPerSecond: answer.plan.predictedRequestsPerSecond)
        isExact = answer.result?.isExact ?? false
        wasStopped = answer.result?.wasStopped ?? false
        kvType = answer.plan.kvType
        concurrency = [:]
        microBatches = [:]
        for replica in answer.plan.replicas where replica.role != .prefill {
            concurrency[replica.id.rawValue] = replica.decodeConcurrency
        }
        flows = []
        guard let result = answer.result else { return }
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        upperBound = finite(result.upperBound)
        gap = finite(result.gap)
        let times = result.placed.times
        predicted.waiting = finite(times.waiting)
        predicted.prefillWait = finite(times.prefillWait)
        predicted.kvTransfer = finite(times.kvTransfer)
        predicted.decodeWait = finite(times.decodeWait)
        predicted.stall = finite(times.stall)
        predicted.total = finite(times.total)
        predicted.firstToken = finite(times.firstToken)
        predicted.firstTokenP99 = finite(times.firstTokenP99)
        predicted.utilisation = finite(times.utilisation)
        let names = result.groupNames
        for (name, group) in zip(names, result.placed.groups) where group.role != .prefill {
            microBatches[name] = group.microBatches
        }
        flows = result.placed.flows.map {
            Flow(from: names[$0.from], to: names[$0.to], requestsPerSecond: $0.requestsPerSecond)
        }
    }

    /// `null` is written where nothing was proved, so that every answer has the same fields.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(plan, forKey: .plan)
        try container.encode(predicted, forKey: .predicted)
        try container.encode(upperBound, forKey: .upperBound)
        try container.encode(gap, forKey: .gap)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(algorithm, forKey: .algorithm)
        try container.encode(isExact, forKey: .isExact)
        try container.encode(wasStopped, forKey: .wasStopped)
        try container.encode(kvType, forKey: .kvType)
        try container.encode(flows, forKey: .flows)
        try container.encode(concurrency, forKey: .concurrency)
        try container.encode(microBatches, forKey: .microBatches)
        try container.encode(idle, forKey: .idle)
        try container.encode(relaxations, forKey: .relaxations)
        try container.encodeIfPresent(move, forKey: .move)
        try container.encodeIfPresent(explanation, forKey: .explanation)
        try container.encodeIfPresent(whatIf, forKey: .whatIf)
    }

    /// The plan as a table, with what is expected of it.
    static func text(_ answer: ScenarioPlanner.Answer) -> String {
        let number = ReportText.number
        var rows = [["REPLICA", "ROLE", "DEVICE", "LAYERS", "REQUESTS/S"]]
        for replica in answer.plan.replicas {
            for (index, stage) in replica.stages.enumerated() {
                rows.append([
                    index == 0 ? replica.id.rawValue : "", index == 0 ? replica.role.rawValue : "",
                    stage.device.rawValue, stage.layers.description,
                    index == 0 ? number(replica.predictedRequestsPerSecond) : "",
                ])
            }
        }
        var lines = [TextTable.format(rows)]
        let idle = answer.plan.idleDevices
        if !idle.isEmpty { lines.append("idle: \(idle.map(\.rawValue).joined(separator: ", "))") }
        lines.append(
            "\(answer.plan.algorithm): sustains \(number(answer.plan.predictedRequestsPerSecond)) requests/s"
                + (answer.result.map(proof) ?? "") + "; planned in \(number(answer.seconds)) s")
        if let times = answer.result?.placed.times, times.waiting.isFinite {
            lines.append(
                "a request waits \(number(times.waiting)) s of \(number(times.total)) s; its first token comes after "
                    + "\(number(times.firstToken)) s")
        }
        if let move = answer.move {
            lines.append("\(move.replaces ? "move to this plan" : "stay with the plan in force"): \(move.reason)")
        }
        return (lines + answer.plan.relaxations).joined(separator: "\n")
    }

    private static func proof(_ result: PlanningResult) -> String {
        let number = ReportText.number
        if result.isExact { return ", proved to be the most" }
        guard result.upperBound.isFinite else { return "" }
        return ", no plan more than \(number(result.upperBound)) (gap \(number(result.gap * 100)) %)"
    }
}
