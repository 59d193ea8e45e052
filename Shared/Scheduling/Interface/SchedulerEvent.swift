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
    case stagePrepareFailed(WorkerAddress, epoch: Epoch, SchedulingFault)
    /// A worker has given its stage of a replica back.
    case stageReleased(WorkerAddress, ReplicaID)
    /// The profiler published the fleet.
    case fleet(Fleet)
    /// The clusterer proposes a plan, asked or not.
    case proposal(PlacementPlan, reason: String, move: PlanMove? = nil)
    /// The clusterer could not make a plan.
    case planFailed(SchedulingFault)
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
    public var stages: [Stage]
    /// Tokens of a block of KV cache.
    public var kvBlockTokens: Int
    /// Requests that it holds as the first stage of a replica.
    public var held: [Held]
    /// Whether it can hand running sequences over to another replica.
    public var movesSequences: Bool

    /// A stage that a worker serves.
    public struct Stage: Sendable, Hashable {
        /// What it was told.
        public var assignment: StageAssignment
        /// The epoch in which its replica was formed.
        public var formed: Epoch
        /// Tokens of KV cache that it can hold.
        public var kvCapacityTokens: Int

        /// Makes a record.
        public init(assignment: StageAssignment, formed: Epoch, kvCapacityTokens: Int) {
            self.assignment = assignment
            self.formed = formed
            self.kvCapacityTokens = kvCapacityTokens
        }
    }

    /// A request that a worker holds.
    public struct Held: Sendable, Hashable {
        /// The request.
        public var request: RequestID
        /// The replica; `nil` where the worker serves only one.
        public var replica: ReplicaID?
        /// Tokens of KV cache reserved for it.
        public var reservedTokens: Int
        /// The gateway that waits for it.
        public var gateway: String

        /// Makes a record.
        public init(request: RequestID, replica: ReplicaID? = nil, reservedTokens: Int, gateway: String) {
            self.request = request
            self.replica = replica
            self.reservedTokens = reservedTokens
            self.gateway = gateway
        }
    }

    /// Makes a report.
    public init(
        address: WorkerAddress, endpoint: String, epoch: Epoch = 0, stages: [Stage] = [], kvBlockTokens: Int = 1,
        held: [Held] = [], movesSequences: Bool = false
    ) {
        self.movesSequences = movesSequences
        self.address = address
        self.endpoint = endpoint
        self.epoch = epoch
        self.stages = stages
        self.kvBlockTokens = kvBlockTokens
        self.held = held
    }
}

/// The load of one worker, with counters that only grow within an epoch.
public struct WorkerLoad: Sendable, Hashable {
    /// Sequences that wait on the stage.
    public var waiting: Int
    /// Sequences that run on the stage.
    public var running: Int
    /// Tokens of KV cache in use.
    public var kvUsedTokens: Int
    /// Resident memory of the process.
    public var residentBytes: Int
    /// Prompt tokens processed.
    public var prefillTokens: Int
    /// Seconds that their steps took.
    public var prefillSeconds: Double
    /// Decode steps.
    public var decodeSteps: Int
    /// Sequences in them, summed.
    public var decodeRows: Int
    /// Seconds that they took.
    public var decodeSeconds: Double
    /// Bytes of KV cache sent to or received from other replicas.
    public var kvTransferBytes: Int

    /// Makes a report.
    public init(
        waiting: Int = 0, running: Int = 0, kvUsedTokens: Int = 0, residentBytes: Int = 0, prefillTokens: Int = 0,
        prefillSeconds: Double = 0, decodeSteps: Int = 0, decodeRows: Int = 0, decodeSeconds: Double = 0,
        kvTransferBytes: Int = 0
    ) {
        self.waiting = waiting
        self.running = running
        self.kvUsedTokens = kvUsedTokens
        self.residentBytes = residentBytes
        self.prefillTokens = prefillTokens
        self.prefillSeconds = prefillSeconds
        self.decodeSteps = decodeSteps
        self.decodeRows = decodeRows
        self.decodeSeconds = decodeSeconds
        self.kvTransferBytes = kvTransferBytes
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

    /// Makes a request.
    public init(
        id: RequestID, promptTokens: Int, generatedTokens: Int = 0, maxTokens: Int, gateway: String,
        patience: Double? = nil
    ) {
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
    /// The moments of a request.
    public enum Moment: Sendable, Hashable {
        /// The first prefill step began.
        case prefillStarted
        /// The first token was sampled.
        case prefillFinished
        /// The KV cache is complete on all decoder stages.
        case kvComplete
        /// The first decode step began.
        case decodeStarted
        /// The sequence was freed; the last moment.
        case finished(FinishReason?)
        /// A stage cannot go on.
        case failed(SchedulingFault)
    }

    /// The request.
    public var request: RequestID
    /// The moment.
    public var moment: Moment
    /// Tokens generated so far, the continued ones included.
    public var generatedTokens: Int

    /// Makes a report.
    public init(_ request: RequestID, _ moment: Moment, generatedTokens: Int = 0) {
        self.request = request
        self.moment = moment
        self.generatedTokens = generatedTokens
    }
}
