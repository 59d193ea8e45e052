internal import Domain
public import Simulation

/// One system in one cell of the paper's table.
public struct PaperOutcome: Codable, Sendable, Hashable {
    /// The workload.
    public var workload: PaperWorkload
    /// Seconds between two requests.
    public var interval: Double
    /// How many times as long as public measurements say everything takes.
    public var slowdown: Double
    /// Requests that were sent.
    public var requests: Int
    /// The system.
    public var system: SimulatedSystem
    /// Why there is no plan.
    public var problem: String?
    /// What came out; absent without a plan.
    public var figures: Figures?
    /// Requests per second with bounded queues, where it was searched.
    public var capacity: Double?

    /// The figures of a run.
    public struct Figures: Codable, Sendable, Hashable {
        /// Waiting with its parts, times, throughput.
        public var summary: RunSummary
        /// Prompt tokens per second of each request, from the start of its prefill to its first token.
        public var prefillSpeed: Distribution
        /// Tokens per second of each request from its first decode step on.
        public var decodeSpeed: Distribution
        /// Share of the requests that decoded at least at the minimum speed.
        public var fastEnough: Double
        /// Sequences that the plan decodes together, over all replicas that decode.
        public var decodeConcurrency: Int
        /// Sequences that decoded together, in the mean over the run.
        public var meanConcurrency: Double
        /// Requests per second that the plan is predicted to sustain.
        public var plannedRate: Double
        /// The plan: role, concurrency, devices with their layers.
        public var plan: [String]
        /// What the planner had to relax.
        public var relaxations: [String]

        private enum CodingKeys: String, CodingKey {
            case summary, plan, relaxations
            case prefillSpeed = "prefill_tokens_per_s"
            case decodeSpeed = "decode_tokens_per_s"
            case fastEnough = "share_at_minimum_speed"
            case decodeConcurrency = "decode_concurrency"
            case meanConcurrency = "mean_decode_concurrency"
            case plannedRate = "planned_requests_per_s"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case workload, slowdown, requests, system, problem, figures
        case interval = "interval_s"
        case capacity = "capacity_requests_per_s"
    }
}

extension PaperOutcome.Figures {
    init(_ run: RunRecord, minimumSpeed: Double) {
        let done = run.requests.filter { $0.outcome == .finished }
        summary = RunSummary(run)
        prefillSpeed = Distribution(
            done.compactMap { request in
                guard let start = request.prefillStart, let end = request.firstToken, end > start else { return nil }
                return Double(request.promptTokens) / (end - start)
            })
        var speeds: [Double] = []
        var decoding = 0.0
        for request in done {
            guard let start = request.decodeStart, let end = request.end, end > start else { continue }
            // The first token is prefill's.
            speeds.append(Double(request.outputTokens - 1) / (end - start))
            decoding += end - start
        }
        decodeSpeed = Distribution(speeds)
        fastEnough = speeds.isEmpty ? 0 : Double(speeds.count { $0 >= minimumSpeed }) / Double(speeds.count)
        meanConcurrency = run.seconds > 0 ? decoding / run.seconds : 0
        let replicas = run.plan?.replicas ?? []
        decodeConcurrency = replicas.reduce(0) { $0 + $1.decodeConcurrency }
        plannedRate = run.plan?.predictedRequestsPerSecond ?? 0
        plan = replicas.map { replica in
            let stages = replica.stages.map { "\($0.device) \($0.layers.count)" }.joined(separator: ", ")
            let concurrency = replica.decodeConcurrency > 0 ? " x \(replica.decodeConcurrency)" : ""
            return "\(replica.role.rawValue)\(concurrency): \(stages)"
        }
        relaxations = run.plan?.relaxations ?? []
    }
}
