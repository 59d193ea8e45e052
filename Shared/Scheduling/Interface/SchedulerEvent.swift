public import Domain

/// Everything that can happen to the scheduler. Events carry what their messages say; the time is given to `handle`.
public enum SchedulerEvent: Sendable, Hashable {
    /// A worker introduces itself.
    case workerHello(WorkerReport)
    /// A worker is alive and reports its load.
    case workerHeartbeat(WorkerAddress, WorkerLoad)
    /// A worker is about to stop and waits for its requests to end or to go on elsewhere.
    case workerLeaving(WorkerAddress)
    /// The connection of a worker process is gone.
    case workerGone(WorkerAddress)
    /// A worker has loaded a stage of the replica that was formed in an epoch.
    case stagePrepared(WorkerAddress, epoch: Epoch, kvCapacityTokens: Int, kvBlockTokens: Int = 1)
    /// A worker could not load its stage.
    case stagePrepareFailed(WorkerAddress, epoch: Epoch, Fault)
    /// A worker has given its stage of a replica back.
    case stageReleased(WorkerAddress, ReplicaID)
    /// The profiler published the fleet.
    case fleet(Fleet)
    /// The clusterer proposes a plan, asked or not.
    case proposal(PlacementPlan, reason: String, move: PlanMove? = nil)
    /// The clusterer could not make a plan.
    case planFailed(Fault)
    /// A gateway hands over a request.
    case submitted(SubmittedRequest)
    /// A gateway no longer wants a request.
    case cancelled(RequestID)
    /// A worker reports what happened to a request.
    case requestEvent(WorkerAddress, RequestReport)
    /// A gateway is alive and lists the requests that it waits for.
    case gatewayHeartbeat(endpoint: String, requests: [RequestID])
    /// Time has passed; sent several times a second.
    case tick
}

/// What a worker says about itself when it connects.
public struct WorkerReport: Sendable, Hashable {
    /// Who it is.
    public var address: WorkerAddress
    /// Its data endpoint.
    public var endpoint: String
    /// The largest epoch that it has heard of, 0 for none.
    public var epoch: Epoch
    /// What it serves.
    public var stages: [ServedStage]
    /// Tokens of a block of KV cache.
    public var kvBlockTokens: Int
    /// Requests that it holds as the first stage of a replica.
    public var held: [HeldRequest]
    /// Whether it can hand running sequences over to another replica.
    public var movesSequences: Bool
    /// Whether it lets sequences grow beyond what was reserved for them.
    public var growsSequences: Bool
    /// Whether it keeps KV cache of sequences that ended for others that begin with the same tokens.
    public var reusesPrefixes: Bool
    /// Whether it does so with prompts that are handed over, too, and hands over, or is handed, only what is missing.
    public var handsOverPrefixes: Bool
    /// Whether it computes guessed tokens behind a sequence's next one.
    public var guessesTokens: Bool
    /// Whether it can sample only what follows a constraint.
    public var constrainsSampling: Bool
    /// Whether it adds biases to logits and tells log probabilities.
    public var readsLogits: Bool

    /// Makes a report.
    public init(
        address: WorkerAddress, endpoint: String, epoch: Epoch = 0, stages: [ServedStage] = [], kvBlockTokens: Int = 1,
        held: [HeldRequest] = [], movesSequences: Bool = false, growsSequences: Bool = false,
        reusesPrefixes: Bool = false, handsOverPrefixes: Bool = false, guessesTokens: Bool = false,
        constrainsSampling: Bool = false, readsLogits: Bool = false
    ) {
        self.readsLogits = readsLogits
        self.constrainsSampling = constrainsSampling
        self.handsOverPrefixes = handsOverPrefixes
        self.guessesTokens = guessesTokens
        self.reusesPrefixes = reusesPrefixes
        self.movesSequences = movesSequences
        self.growsSequences = growsSequences
        self.address = address
        self.endpoint = endpoint
        self.epoch = epoch
        self.stages = stages
        self.kvBlockTokens = kvBlockTokens
        self.held = held
    }
}

/// A request as the scheduler sees it; tokens and sampling stay with the service that speaks to the sockets.
public struct SubmittedRequest: Sendable, Hashable {
    /// The request.
    public var id: RequestID
    /// Tokens that must be processed before the next one can be sampled: the prompt and what was generated before.
    public var promptTokens: Int
    /// How many of them were generated before (a continued request).
    public var generatedTokens: Int
    /// Most tokens of the output, the already generated ones included.
    public var maxTokens: Int
    /// The gateway's tokens endpoint, which names the gateway.
    public var gateway: String
    /// Seconds that the gateway waits for a route; `nil` means as long as the scheduler lets requests wait.
    public var patience: Double?
    /// How it begins.
    public var prefix: PromptPrefix
    /// Whether its output must follow a constraint, which not every worker may know of.
    public var isConstrained: Bool
    /// Whether it asks for biases or log probabilities, which not every worker may know of.
    public var readsLogits: Bool
    /// Whether log probabilities of its prompt are wanted: it is computed in full.
    public var scoresPrompt: Bool

    /// Makes a request.
    public init(
        id: RequestID, promptTokens: Int, generatedTokens: Int = 0, maxTokens: Int, gateway: String,
        patience: Double? = nil, prefix: PromptPrefix = PromptPrefix(), isConstrained: Bool = false,
        readsLogits: Bool = false, scoresPrompt: Bool = false
    ) {
        self.readsLogits = readsLogits
        self.scoresPrompt = scoresPrompt
        self.isConstrained = isConstrained
        self.prefix = prefix
        self.id = id
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
        self.maxTokens = maxTokens
        self.gateway = gateway
        self.patience = patience
    }
}

/// What a worker reports about a request.
public struct RequestReport: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// What happened.
    public var event: RequestEvent

    /// Makes a report.
    public init(_ request: RequestID, _ event: RequestEvent) {
        self.request = request
        self.event = event
    }

    /// Makes a report.
    public init(_ request: RequestID, _ moment: RequestEvent.Moment, generatedTokens: Int = 0) {
        self.init(request, RequestEvent(moment, generatedTokens: generatedTokens))
    }
}
