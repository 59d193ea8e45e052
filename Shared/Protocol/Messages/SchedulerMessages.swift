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
    /// scheduler -> gateway: the request named in the envelope cannot go on where it was: `Fault`; where it is
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
    /// How often it must where the last one said that it has nothing to do and that is still so; as often where it is absent
    /// (since 1.2).
    public var idleHeartbeatMilliseconds: Int?
    /// The minor version of the protocol that the scheduler speaks; 0 where it is absent.
    public var protocolMinor: Int?

    /// Makes the body.
    public init(
        heartbeatMilliseconds: Int, idleHeartbeatMilliseconds: Int? = nil, protocolMinor: Int? = ProtocolVersion.minor
    ) {
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.idleHeartbeatMilliseconds = idleHeartbeatMilliseconds
        self.protocolMinor = protocolMinor
    }

    private enum CodingKeys: String, CodingKey {
        case heartbeatMilliseconds = "heartbeat_ms"
        case idleHeartbeatMilliseconds = "idle_heartbeat_ms"
        case protocolMinor = "protocol_minor"
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
    /// Only requests with the same salt share KV cache (since 1.2).
    public var cacheSalt: String?
    /// What the output must follow (since 1.2).
    public var constraint: SamplingConstraint?
    /// The tensor `prompt`, i32 [n].
    public var tensors: [TensorDescriptor]

    /// Makes the body; `tokenCount` is the length of the tensor.
    public init(
        generatedTokens: Int = 0, sampling: SamplingParameters, stop: StopConditions, gatewayEndpoint: String,
        cacheSalt: String? = nil, constraint: SamplingConstraint? = nil, tokenCount: Int
    ) {
        self.constraint = constraint
        self.cacheSalt = cacheSalt
        self.generatedTokens = generatedTokens
        self.sampling = sampling
        self.stop = stop
        self.gatewayEndpoint = gatewayEndpoint
        self.tensors = [TensorDescriptor(name: "prompt", dtype: .i32, shape: [tokenCount])]
    }

    private enum CodingKeys: String, CodingKey {
        case sampling, stop, constraint, tensors
        case cacheSalt = "cache_salt"
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
