/// How a replica pair is chosen for a request.
public enum RoutingPolicy: String, Sendable, Hashable, CaseIterable {
    /// The pair with the least estimated completion time, waiting included.
    case estimatedWait = "estimated-wait"
    /// The pair with the fewest requests.
    case leastRequests = "least-requests"
    /// One pair after the other.
    case roundRobin = "round-robin"
    /// As baselines do: bound on arrival, prompts to the fewest pending tokens, decoding to the fewest context tokens
    /// (Splitwise's rule).
    case leastTokens = "least-tokens"
    /// The same by the least backlog in seconds, the decoder's with the KV transfer.
    case leastBacklog = "least-backlog"

    /// What counts as load where requests are bound to replicas by that alone; `nil` where pairs are weighed.
    var measure: LoadRouting.Measure? {
        switch self {
        case .leastTokens: .tokens
        case .leastBacklog: .backlog
        case .estimatedWait, .leastRequests, .roundRobin: nil
        }
    }
}

/// What the scheduler may expect of the length of an output.
public enum LengthKnowledge: String, Sendable, Hashable, CaseIterable {
    /// The mean of what was seen, at most the request's limit.
    case limit
    /// The mean of what was seen: limits only reserve memory. For simulations, where a limit is the length.
    case mean
    /// The limit is the length: an oracle, for simulations.
    case exact

    /// Tokens that may be expected where `limit` are left and outputs have `mean` tokens.
    func expected(limit: Double, mean: Double) -> Double {
        switch self {
        case .limit: min(limit, mean)
        case .mean: mean
        case .exact: limit
        }
    }
}

/// Limits and times of the scheduler's core; all times in seconds.
public struct SchedulingConfiguration: Sendable, Hashable {
    /// How replicas are chosen.
    public var policy: RoutingPolicy = .estimatedWait
    /// Most requests that wait for a route.
    public var queueLimit = 256
    /// Later requests that may be routed before one for which there is no room: none waits for ever.
    public var mostOvertakers = 8
    /// Longest wait for a route while the plan serves.
    public var queueSeconds = 120.0
    /// Longest wait for a route while no replica pair serves.
    public var unservableSeconds = 15.0
    /// Longest prompt in tokens that a pure decoder replica may prefill for itself while prefill replicas serve.
    public var localPrefillTokens = 32
    /// What may be expected of the length of an output.
    public var lengthKnowledge: LengthKnowledge = .limit
    /// Whether KV cache of requests that ended is kept for others that begin with the same tokens.
    public var reusesPrefixes = true
    /// Whether tokens are guessed from prompt and output and checked together, where few sequences decode.
    public var speculates = true
    /// Tokens of a prefill chunk, the workers' token budget; KV cache travels chunk by chunk.
    public var chunkTokens = 256
    /// Most sequences that a replica decodes together, more wait: what the workers do.
    public var largestBatch = DecodeLimit.twicePlanned
    /// How many times its decode concurrency a replica may be loaded with, where the estimates favour it.
    public var overcommit = 4.0
    /// How long a replica counts as full after a sequence had to yield its KV cache: until heartbeats tell how it is.
    public var preemptionSeconds = 1.0
    /// How long a replica is avoided after it failed a request.
    public var inhibitSeconds = 5.0
    /// Without a sign of life for this long a worker is lost.
    public var workerLostSeconds = 2.0
    /// The same for a worker that has nothing to do, which reports less often; `nil`: the same.
    public var idleWorkerLostSeconds: Double? = 16
    /// Without a heartbeat for this long a gateway is lost and its requests are cancelled.
    public var gatewayLostSeconds = 5.0
    /// A request whose workers report no load for this long, without an event, is lost.
    public var orphanSeconds = 30.0
    /// How long requests may go on where they are when a new plan does without their replica; then they are moved in groups.
    public var drainSeconds = 30.0
    /// Longest sequence, prompt and output, that every plan must be able to hold; `nil`: what the model can do and the first
    /// plan can hold.
    public var contextTokens: Int?
    /// Sequences of that length that a replica must be able to hold at a time.
    public var contextConcurrency = 1
    /// How long no replica may serve before the service counts as away: requests wait meanwhile.
    public var awaySeconds = 5.0
    /// Longest wait for workers to load their stages.
    public var prepareSeconds = 120.0
    /// Longest wait for a worker of a new plan that has not said hello yet.
    public var absentWorkerSeconds = 15.0
    /// How long a restarted scheduler waits for the workers of the plan in force.
    public var adoptionSeconds = 3.0
    /// How long a device of the plan in force may be lost before a plan without it is asked for.
    public var deviceLostSeconds = 5.0
    /// How long a reason for a new plan must last before one is asked for.
    public var debounceSeconds = 2.0
    /// Longest wait for the clusterer's answer.
    public var planSeconds = 60.0
    /// First pause after a failure to get a plan into force; doubles up to `backoffLimitSeconds`.
    public var backoffSeconds = 1.0
    /// Longest pause after failures.
    public var backoffLimitSeconds = 30.0
    /// How long a device that failed to load its stage is not used; doubles with every failure.
    public var exclusionSeconds = 30.0
    /// Crashes of a worker within a minute (ends of processes that lived for seconds) that make its device unusable for a while.
    public var crashLimit = 5
    /// Ready devices that the first plan waits for.
    public var minimumDevices = 1
    /// Longest wait of the first plan for devices that are being measured.
    public var settleSeconds = 120.0
    /// A plan replaces a healthy one only where its predicted rate is larger by this share (or, at the same rate, its
    /// objective smaller).
    public var minimumGain = 0.1
    /// Factor between planned and seen means that counts as drift.
    public var driftFactor = 1.5
    /// Requests in the window before drift is looked for.
    public var driftSamples = 50
    /// Shortest time between two plans asked for because of drift.
    public var driftPauseSeconds = 60.0
    /// Length of the window over which traffic is measured.
    public var windowSeconds = 300.0
    /// How often the state is published.
    public var publishSeconds = 1.0

    /// The defaults.
    public init() {}
}
