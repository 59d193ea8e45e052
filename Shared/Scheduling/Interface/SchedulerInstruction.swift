public import Domain

/// What the scheduler's core wants done. Who performs it decides nothing.
public enum SchedulerInstruction: Sendable, Hashable {
    /// Answer a worker's hello.
    case welcome(WorkerAddress)
    /// Answer a heartbeat.
    case acknowledgeHeartbeat(WorkerAddress)
    /// Answer a heartbeat with `unknown_worker`, so that the worker says hello again.
    case refuseHeartbeat(WorkerAddress)
    /// Have a worker load a stage of a replica that is formed in an epoch, or tell it the plan.
    case prepare(WorkerAddress, StageAssignment, epoch: Epoch)
    /// Have a worker give its stage of a replica back, but for the weights of layers that its next stage holds, too.
    case release(WorkerAddress, ReplicaID, epoch: Epoch, keeping: LayerRange?)
    /// Send a request to its first stage and tell the gateway its route.
    case start(RoutedRequest)
    /// Tell the gateway the route of a request that runs already (it was submitted twice).
    case confirm(RoutedRequest)
    /// Have a first stage hand a running sequence over to another replica with its KV cache; the route's prefill side is where
    /// it is now.
    case move(RoutedRequest)
    /// Tell the gateway that a request goes on in another replica.
    case moved(RoutedRequest)
    /// Answer a submission with an error.
    case refuse(RequestID, gateway: String, Fault)
    /// Tell the gateway that a routed request cannot go on where it was.
    case lose(RequestID, gateway: String, Fault)
    /// Pass a moment of a request that goes on to its gateway.
    case relay(RequestReport, gateway: String)
    /// Have a first stage stop a request and free it on all stages.
    case cancel(RequestID, WorkerAddress)
    /// Ask the clusterer for a plan.
    case requestPlan(PlanRequest)
    /// Publish the state.
    case publishState
    /// Publish the traffic seen.
    case publishWorkload(WorkloadStatistics)
    /// Write a line to the log.
    case note(String)
}

/// A request with the place where it is computed.
public struct RoutedRequest: Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// The plan in force.
    public var plan: PlanID
    /// The largest epoch given so far: none of its replicas was formed later.
    public var epoch: Epoch
    /// Where it is computed.
    public var route: Route
    /// The worker that gets the request: the first stage of the replica that prefills.
    public var first: WorkerAddress
    /// Tokens of KV cache reserved on the decoder.
    public var reservedTokens: Int
    /// Tokens of KV cache that every stage of the decoder can hold, where the sequence may grow; otherwise it is reserved what
    /// prompt and output may become.
    public var capacityTokens: Int?
    /// Tokens of KV cache that every stage of the replica that prefills can hold, where it keeps some for requests to come
    /// and, where that is another one, hands over only what the decoder does not have.
    public var prefillCapacityTokens: Int?
    /// Whether the decoder keeps KV cache for requests to come, and takes what is kept.
    public var reusesPrefixes = false
    /// Whether the decoder may guess tokens.
    public var speculates = false
    /// Most tokens of the output, cut to what prompt and output may become.
    public var maxTokens: Int
    /// Seconds that it waited here.
    public var queuedSeconds: Double
    /// Estimated seconds from now to the first token.
    public var estimatedFirstTokenSeconds: Double
}
