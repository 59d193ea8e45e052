public import Domain

/// Messages of the scheduler's control socket (gateway, workers, command line) and what it publishes.
extension MessageType {
    /// worker -> scheduler on connecting and whenever the scheduler does not know it: `WorkerHello`; reply
    /// `worker.welcome`.
    public static let workerHello: MessageType = "worker.hello"
    /// Reply to `worker.hello`: `WorkerWelcome`.
    public static let workerWelcome: MessageType = "worker.welcome"
    /// worker -> scheduler every `heartbeat_ms` of its welcome: `WorkerHeartbeat`; answered with the same type and an empty body, or with an
    /// error `unknown_worker` after a restart of the scheduler.
    public static let workerHeartbeat: MessageType = "worker.heartbeat"
    /// worker -> scheduler: it is about to stop, and waits a while for its requests to end or to go on elsewhere; empty body,
    /// no reply.
    public static let workerLeave: MessageType = "worker.leave"
    /// scheduler -> worker: load a stage of a replica that is formed in the envelope's `epoch`: `StagePrepare`; reply
    /// `stage.prepared` or an error.
    public static let stagePrepare: MessageType = "stage.prepare"
    /// Reply to `stage.prepare`, once the stage takes sequences: `StagePrepared`.
    public static let stagePrepared: MessageType = "stage.prepared"
    /// scheduler -> worker: give the stage of a replica back: `StageRelease`; reply `stage.released` with an empty body.
    public static let stageRelease: MessageType = "stage.release"
    /// Reply to `stage.release`.
    public static let stageReleased: MessageType = "stage.released"
    /// gateway -> scheduler: `SubmitRequest` with tensor `prompt` i32 [n]; reply `request.accepted` or an error.
    public static let requestSubmit: MessageType = "request.submit"
    /// Reply to `request.submit`: `RequestAccepted`.
    public static let requestAccepted: MessageType = "request.accepted"
    /// gateway -> scheduler -> first stages: stop the request named in the envelope; empty body.
    public static let requestCancel: MessageType = "request.cancel"
    /// scheduler -> first stage of the replica that prefills: `SequenceOpen` with tensor `tokens` i32 [n].
    public static let requestStart: MessageType = "request.start"
    /// scheduler -> first stage: hand the running sequence named in the envelope over to another replica: `SequenceMoveBody`
    /// without `positions`; only to workers with the capability `sequence.move` (since 1.2).
    public static let requestMove: MessageType = "request.move"
    /// scheduler -> gateway: the request named in the envelope goes on in another replica: `RequestMoved` (since 1.2).
    public static let requestMoved: MessageType = "request.moved"
    /// first or last stages -> scheduler, and moments of requests that go on from there to their gateway: `RequestEvent`.
    public static let requestEvent: MessageType = "request.event"
    /// scheduler -> gateway: the request named in the envelope cannot go on where it was: `ErrorBody`; where it is
    /// retriable the gateway submits prompt and emitted tokens again.
    public static let requestLost: MessageType = "request.lost"
    /// gateway -> scheduler every second: `GatewayHeartbeat`; no reply.
    public static let gatewayHeartbeat: MessageType = "gateway.heartbeat"
    /// anyone -> scheduler: empty body; reply `scheduler.state`.
    public static let stateGet: MessageType = "state.get"
    /// Reply to `state.get`, and published at least once a second: `SchedulerState`.
    public static let schedulerState: MessageType = "scheduler.state"
    /// Published by the scheduler: `WorkloadStatistics`.
    public static let workloadStatistics: MessageType = "workload.statistics"
}

/// A request that a worker holds, reported to a restarted scheduler.
public struct HeldRequest: Codable, Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// Tokens of KV cache that are reserved for it.
    public var reservedTokens: Int
    /// Where its tokens go.
    public var gatewayEndpoint: String
    /// The replica that it is driven on; absent where the worker serves only one.
    public var replica: ReplicaID?

    /// Makes a record.
    public init(request: RequestID, reservedTokens: Int, gatewayEndpoint: String, replica: ReplicaID? = nil) {
        self.request = request
        self.replica = replica
        self.reservedTokens = reservedTokens
        self.gatewayEndpoint = gatewayEndpoint
    }

    private enum CodingKeys: String, CodingKey {
        case request, replica
        case reservedTokens = "reserved_tokens"
        case gatewayEndpoint = "gateway_endpoint"
    }
}

/// A stage that a worker serves.
public struct ServedStage: Codable, Sendable, Hashable {
    /// The plan as the worker was last told, the replica and the stage.
    public var assignment: StageAssignment
    /// The epoch in which the replica was formed.
    public var epoch: Epoch
    /// Tokens of KV cache that the stage can hold.
    public var kvCapacityTokens: Int
    /// Bytes of its weights.
    public var weightBytes: Int

    /// Makes a record.
    public init(assignment: StageAssignment, epoch: Epoch, kvCapacityTokens: Int, weightBytes: Int) {
        self.assignment = assignment
        self.epoch = epoch
        self.kvCapacityTokens = kvCapacityTokens
        self.weightBytes = weightBytes
    }

    private enum CodingKeys: String, CodingKey {
        case assignment, epoch
        case kvCapacityTokens = "kv_capacity_tokens"
        case weightBytes = "weight_bytes"
    }
}

/// A worker introduces itself to the scheduler; the envelope's `epoch` is the largest that it has heard of (0: none).
public struct WorkerHello: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var worker: WorkerKind
    /// Its data endpoint.
    public var dataEndpoint: String
    /// The stages that it serves; absent means none.
    public var stages: [ServedStage]?
    /// Tokens of one block of KV cache; 1 where it is absent.
    public var kvBlockTokens: Int?
    /// Requests that it holds as the first stage of a replica.
    public var requests: [HeldRequest]
    /// The minor version of the protocol that it speaks; 0 where it is absent.
    public var protocolMinor: Int?
    /// What it can do beyond its version (`Capability`); absent means nothing.
    public var capabilities: [String]?

    /// Makes the body.
    public init(
        device: DeviceID, worker: WorkerKind, dataEndpoint: String, stages: [ServedStage]? = nil,
        kvBlockTokens: Int? = nil, requests: [HeldRequest] = [], protocolMinor: Int? = ProtocolVersion.minor,
        capabilities: [String]? = nil
    ) {
        self.capabilities = capabilities
        self.protocolMinor = protocolMinor
        self.device = device
        self.worker = worker
        self.dataEndpoint = dataEndpoint
        self.stages = stages
        self.kvBlockTokens = kvBlockTokens
        self.requests = requests
    }

    private enum CodingKeys: String, CodingKey {
        case device, worker, stages, requests, capabilities
        case dataEndpoint = "data_endpoint"
        case kvBlockTokens = "kv_block_tokens"
        case protocolMinor = "protocol_minor"
    }
}

/// The scheduler knows the worker now.
public struct WorkerWelcome: Codable, Sendable, Hashable {
    /// How often it must send a heartbeat.
    public var heartbeatMilliseconds: Int
    /// The minor version of the protocol that the scheduler speaks; 0 where it is absent.
    public var protocolMinor: Int?

    /// Makes the body.
    public init(heartbeatMilliseconds: Int, protocolMinor: Int? = ProtocolVersion.minor) {
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.protocolMinor = protocolMinor
    }

    private enum CodingKeys: String, CodingKey {
        case heartbeatMilliseconds = "heartbeat_ms"
        case protocolMinor = "protocol_minor"
    }
}

/// A worker is alive, and what it does.
public struct WorkerHeartbeat: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Which of its workers.
    public var worker: WorkerKind
    /// Sequences that wait on this stage.
    public var waiting: Int
    /// Sequences that run on this stage.
    public var running: Int
    /// Tokens of KV cache in use.
    public var kvUsedTokens: Int
    /// Resident memory of the process.
    public var residentBytes: Int
    /// What it has computed.
    public var counters: StageCounters

    /// Makes the body.
    public init(
        device: DeviceID, worker: WorkerKind, waiting: Int, running: Int, kvUsedTokens: Int, residentBytes: Int,
        counters: StageCounters
    ) {
        self.device = device
        self.worker = worker
        self.waiting = waiting
        self.running = running
        self.kvUsedTokens = kvUsedTokens
        self.residentBytes = residentBytes
        self.counters = counters
    }

    private enum CodingKeys: String, CodingKey {
        case device, worker, waiting, running, counters
        case kvUsedTokens = "kv_used_tokens"
        case residentBytes = "resident_bytes"
    }
}

/// Load a stage. The envelope's `epoch` is the one in which its replica is formed; a worker that serves the replica in that
/// epoch already only takes note of the plan.
public struct StagePrepare: Codable, Sendable, Hashable {
    /// The plan, the replica and the stage.
    public var assignment: StageAssignment

    /// Makes the body.
    public init(assignment: StageAssignment) { self.assignment = assignment }
}

/// The stage is loaded and takes sequences.
public struct StagePrepared: Codable, Sendable, Hashable {
    /// Tokens of KV cache that it can hold.
    public var kvCapacityTokens: Int
    /// Tokens of one block: what a sequence reserves is rounded up to it. 1 where it is absent.
    public var kvBlockTokens: Int?
    /// Bytes of its weights.
    public var weightBytes: Int

    /// Makes the body.
    public init(kvCapacityTokens: Int, kvBlockTokens: Int? = nil, weightBytes: Int) {
        self.kvCapacityTokens = kvCapacityTokens
        self.kvBlockTokens = kvBlockTokens
        self.weightBytes = weightBytes
    }

    private enum CodingKeys: String, CodingKey {
        case kvCapacityTokens = "kv_capacity_tokens"
        case kvBlockTokens = "kv_block_tokens"
        case weightBytes = "weight_bytes"
    }
}

/// Give the stage of a replica back, with all its sequences.
public struct StageRelease: Codable, Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// Layers that the next stage of this worker holds: worth keeping until it is loaded (since 1.1).
    public var keepLayers: LayerRange?

    /// Makes the body.
    public init(replica: ReplicaID, keepLayers: LayerRange? = nil) {
        self.replica = replica
        self.keepLayers = keepLayers
    }

    private enum CodingKeys: String, CodingKey {
        case replica
        case keepLayers = "keep_layers"
    }
}

/// The gateway hands a request to the scheduler. The tensor `prompt` holds prompt and already emitted tokens.
public struct SubmitRequest: Codable, Sendable, Hashable {
    /// How many of the tokens at the end of `prompt` were generated before (a continued request); 0 normally.
    public var generatedTokens: Int
    /// How tokens are chosen.
    public var sampling: SamplingParameters
    /// When generation ends; `maxTokens` counts the already generated ones too.
    public var stop: StopConditions
    /// The gateway's tokens socket.
    public var gatewayEndpoint: String
    /// The tensor `prompt`, i32 [n].
    public var tensors: [TensorDescriptor]

    /// Makes the body; `tokenCount` is the length of the tensor.
    public init(
        generatedTokens: Int = 0, sampling: SamplingParameters, stop: StopConditions, gatewayEndpoint: String,
        tokenCount: Int
    ) {
        self.generatedTokens = generatedTokens
        self.sampling = sampling
        self.stop = stop
        self.gatewayEndpoint = gatewayEndpoint
        self.tensors = [TensorDescriptor(name: "prompt", dtype: .i32, shape: [tokenCount])]
    }

    private enum CodingKeys: String, CodingKey {
        case sampling, stop, tensors
        case generatedTokens = "generated_tokens"
        case gatewayEndpoint = "gateway_endpoint"
    }
}

/// The scheduler has routed the request.
public struct RequestAccepted: Codable, Sendable, Hashable {
    /// The plan in force.
    public var plan: PlanID
    /// The route.
    public var route: Route
    /// How long it waited in the scheduler.
    public var queueMilliseconds: Double
    /// Estimated time to the first token from now.
    public var estimatedFirstTokenMilliseconds: Double

    /// Makes the body.
    public init(
        plan: PlanID, route: Route, queueMilliseconds: Double, estimatedFirstTokenMilliseconds: Double
    ) {
        self.plan = plan
        self.route = route
        self.queueMilliseconds = queueMilliseconds
        self.estimatedFirstTokenMilliseconds = estimatedFirstTokenMilliseconds
    }

    private enum CodingKeys: String, CodingKey {
        case plan, route
        case queueMilliseconds = "queue_ms"
        case estimatedFirstTokenMilliseconds = "estimated_first_token_ms"
    }
}

/// Where a request goes on that was decoded elsewhere before.
public struct RequestMoved: Codable, Sendable, Hashable {
    /// The plan in force.
    public var plan: PlanID
    /// The route; its prefill side is where the request was before.
    public var route: Route

    /// Makes the body.
    public init(plan: PlanID, route: Route) {
        self.plan = plan
        self.route = route
    }
}

/// What happened to the request named in the envelope.
public struct RequestEvent: Codable, Sendable, Hashable {
    /// The moments that stages report.
    public enum Kind: String, Codable, Sendable, Hashable {
        /// The first prefill step began.
        case prefillStarted = "prefill_started"
        /// The first token was sampled.
        case prefillFinished = "prefill_finished"
        /// The KV cache is complete on all decoder stages.
        case kvComplete = "kv_complete"
        /// The first decode step began.
        case decodeStarted = "decode_started"
        /// All stages have been told to free the sequence; the last event of a request.
        case finished
        /// A stage cannot go on; `error` says why.
        case failed
    }

    /// The moment.
    public var kind: Kind
    /// Tokens generated so far, the continued ones included.
    public var generatedTokens: Int
    /// On `finished`.
    public var finishReason: FinishReason?
    /// On `failed`.
    public var error: ErrorBody?

    /// Makes the body.
    public init(kind: Kind, generatedTokens: Int = 0, finishReason: FinishReason? = nil, error: ErrorBody? = nil) {
        self.kind = kind
        self.generatedTokens = generatedTokens
        self.finishReason = finishReason
        self.error = error
    }

    private enum CodingKeys: String, CodingKey {
        case kind, error
        case generatedTokens = "generated_tokens"
        case finishReason = "finish_reason"
    }
}

/// A gateway is alive.
public struct GatewayHeartbeat: Codable, Sendable, Hashable {
    /// Its tokens socket, which names it.
    public var endpoint: String
    /// Requests that it still waits for; the scheduler cancels others of this gateway.
    public var requests: [RequestID]

    /// Makes the body.
    public init(endpoint: String, requests: [RequestID]) {
        self.endpoint = endpoint
        self.requests = requests
    }
}

/// The load of one stage.
public struct StageLoad: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// Whether its worker's heartbeats arrive.
    public var alive: Bool
    /// The last heartbeat.
    public var status: WorkerHeartbeat?

    /// Makes the record.
    public init(device: DeviceID, alive: Bool, status: WorkerHeartbeat?) {
        self.device = device
        self.alive = alive
        self.status = status
    }
}

/// The load of one replica.
public struct ReplicaLoad: Codable, Sendable, Hashable {
    /// The replica.
    public var replica: ReplicaID
    /// Requests that are in this replica.
    public var requests: Int
    /// Tokens of KV cache reserved for them.
    public var kvReservedTokens: Int
    /// Tokens of KV cache that every stage can hold.
    public var kvCapacityTokens: Int
    /// Estimated seconds until a new request would start here.
    public var backlogSeconds: Double
    /// How far it is: `loading`, `serving`, `leaving` (still serves, but a plan without it comes), `draining`, `broken`.
    public var state: String?
    /// Its stages.
    public var stages: [StageLoad]

    /// Makes the record.
    public init(
        replica: ReplicaID, requests: Int, kvReservedTokens: Int, kvCapacityTokens: Int, backlogSeconds: Double,
        state: String? = nil, stages: [StageLoad]
    ) {
        self.state = state
        self.replica = replica
        self.requests = requests
        self.kvReservedTokens = kvReservedTokens
        self.kvCapacityTokens = kvCapacityTokens
        self.backlogSeconds = backlogSeconds
        self.stages = stages
    }

    private enum CodingKeys: String, CodingKey {
        case replica, requests, state, stages
        case kvReservedTokens = "kv_reserved_tokens"
        case kvCapacityTokens = "kv_capacity_tokens"
        case backlogSeconds = "backlog_s"
    }
}

/// The scheduler's state as it publishes it; the envelope's `epoch` is the largest that was given or heard of.
public struct SchedulerState: Codable, Sendable, Hashable {
    /// Whether requests are served.
    public var ready: Bool
    /// Why not, for people.
    public var reason: String
    /// The plan in force.
    public var plan: PlacementPlan?
    /// Loads of its replicas.
    public var replicas: [ReplicaLoad]
    /// Requests that wait in the scheduler.
    public var waiting: Int
    /// Requests that were routed and have not ended.
    public var running: Int
    /// The traffic seen.
    public var workload: WorkloadStatistics
    /// The longest sequence, prompt and output, that every plan can hold; absent before the first plan.
    public var contextTokens: Int?

    /// Makes the state.
    public init(
        ready: Bool, reason: String, plan: PlacementPlan?, replicas: [ReplicaLoad], waiting: Int, running: Int,
        workload: WorkloadStatistics, contextTokens: Int? = nil
    ) {
        self.contextTokens = contextTokens
        self.ready = ready
        self.reason = reason
        self.plan = plan
        self.replicas = replicas
        self.waiting = waiting
        self.running = running
        self.workload = workload
    }

    private enum CodingKeys: String, CodingKey {
        case ready, reason, plan, replicas, waiting, running, workload
        case contextTokens = "context_tokens"
    }
}
