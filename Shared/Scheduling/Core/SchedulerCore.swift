public import CostModel
public import Domain

/// The scheduler's decisions: events in, instructions out. It sees no socket and no clock; times are seconds of any
/// monotonic clock, the same for all calls.
///
/// A request's states:
///
/// ```
/// submitted -> waiting -> running (prefill, KV transfer, decode) -> ended
///     |           |          |
///     |           |          +-> lost: the gateway submits it again with what was generated
///     +-> refused +-> refused (waited too long, cancelled)
/// ```
///
/// A plan's way into force is described at `PlanTransition`.
public struct SchedulerCore: Sendable {
    let configuration: SchedulingConfiguration
    var workers = WorkerTable()
    var fleet = Fleet()
    /// When the first device was ready, for the wait of the first plan.
    var firstReadyAt: Double?
    var inForce: PlanInForce?
    var transition: PlanTransition?
    /// Replicas that serve, come and go.
    var replicas = ReplicaTable()
    /// The longest sequence that every plan must be able to hold; set with the first plan.
    var promisedContext: Int?
    var history = PlanHistory()
    var slowDevices = SlowDevices()
    /// The slow devices that the last plan was made with.
    var plannedSlow: [DeviceID: Double] = [:]
    /// Links as they were when the last question for a plan was answered, and when the open one was asked.
    var plannedLinks: [LinkProfile] = []
    var askedLinks: [LinkProfile] = []
    /// Those that the open question names.
    var askedSlow: [DeviceID: Double] = [:]
    /// Whether requests could be served at least once.
    var hasServed = false
    var adoption: Adoption?
    /// The newest proposal that came while it could not be weighed.
    var heldProposal: (plan: PlacementPlan, reason: String, move: PlanMove?)?
    var replan: ReplanPolicy
    var exclusions: Exclusions
    var lastDriftPlan: Double?
    var requests = RequestTable()
    var gateways = GatewayTable()
    var window: WorkloadWindow
    /// The traffic as it was last published.
    var seenWorkload: WorkloadStatistics?
    /// Replicas that are avoided until a time.
    var inhibited: [ReplicaID: Double] = [:]
    /// What devices cost where they are described, not measured.
    let describedCost: FleetCost?
    /// How much of each replica was in use lately.
    var usage: [ReplicaID: ReplicaUsage] = [:]
    /// Estimates for the plan in force.
    var times: ReplicaTimes?
    /// When the state was last published.
    var publishedAt: Double?
    /// When no replica pair has been serving since.
    var unservableSince: Double?
    /// When a sequence of a replica last had to yield its KV cache.
    var preemptedAt: [ReplicaID: Double] = [:]
    /// Prompts that went to replicas lately, with the epoch in which these were formed: what is formed anew has
    /// nothing.
    var routedPrefixes: [ReplicaID: (formed: Epoch, prompts: RoutedPrefixes)] = [:]
    /// The largest epoch used or seen.
    public internal(set) var highestEpoch: Epoch = 0
    /// What is to be done as the outcome of the event at hand.
    var instructions: [SchedulerInstruction] = []

    /// Makes a scheduler that knows nothing yet. `described` is what devices cost where the fleet comes without measurements
    /// (a simulation).
    public init(
        configuration: SchedulingConfiguration = SchedulingConfiguration(), described: FleetCost? = nil
    ) {
        self.configuration = configuration
        describedCost = described
        adoption = Adoption(grace: configuration.adoptionSeconds)
        replan = ReplanPolicy(configuration)
        exclusions = Exclusions(seconds: configuration.exclusionSeconds)
        window = WorkloadWindow(seconds: configuration.windowSeconds)
    }

    /// Takes an event that happened at `now` and says what must be done, in this order.
    public mutating func handle(_ event: SchedulerEvent, at now: Double) -> [SchedulerInstruction] {
        instructions = []
        take(event, at: now)
        if event.concernsPlans {
            advanceAdoption(at: now)
            weighHeldProposal(at: now)
            askForPlanIfNeeded(at: now)
        }
        if event.concernsPlans || transition != nil || replicas.unsettled > 0 { advanceReplicas(at: now) }
        dispatch(at: now)
        defer { instructions = [] }
        return instructions
    }

    private mutating func take(_ event: SchedulerEvent, at now: Double) {
        switch event {
        case .workerHello(let report): workerSaidHello(report.plausible, at: now)
        case .workerHeartbeat(let address, let load): workerBeat(address, load.plausible, at: now)
        case .workerLeaving(let address): workerLeaves(address, at: now)
        case .workerGone(let address): workerGone(address, at: now)
        case .stagePrepared(let address, let epoch, let capacity, let block):
            stagePrepared(address, epoch: epoch, kvCapacityTokens: capacity, kvBlockTokens: block, at: now)
        case .stagePrepareFailed(let address, let epoch, let fault):
            stagePrepareFailed(address, epoch: epoch, fault, at: now)
        case .stageReleased(let address, let replica): stageReleased(address, replica, at: now)
        case .fleet(let fleet): fleetChanged(fleet, at: now)
        case .proposal(let plan, let reason, let move): heldProposal = (plan, reason, move)
        case .planFailed(let fault): planFailed(fault, at: now)
        case .submitted(let request): submitted(request, at: now)
        case .cancelled(let id): cancelled(id, at: now)
        case .requestEvent(let address, let report): requestReported(report, by: address, at: now)
        case .gatewayHeartbeat(let endpoint, let ids): gatewayBeat(endpoint, ids, at: now)
        case .tick: tick(at: now)
        }
    }

    /// Whether there are no requests, and the plan in force stays as it is.
    public var isAtRest: Bool {
        requests.isEmpty && inForce != nil && transition == nil && adoption == nil && heldProposal == nil
            && replicas.unsettled == 0
    }

    private mutating func tick(at now: Double) {
        for (key, limit) in loseSilentWorkers(at: now) {
            note("worker \(key) is lost: no sign of life for \(limit) s")
            breakReplicas(of: key, why: "worker \(key) is lost", at: now)
        }
        for gateway in gateways.loseSilent(limit: configuration.gatewayLostSeconds, at: now) {
            gatewayLost(gateway, at: now)
        }
        requests.sweep(at: now)
        inhibited = inhibited.filter { $0.value > now }
        preemptedAt = preemptedAt.filter { now - $0.value < configuration.preemptionSeconds }
        loseOrphans(at: now)
        expireWaiting(at: now)
        // Ticks may come as far apart as publications, a little sooner or later.
        if publishedAt.map({ now - $0 >= 0.9 * configuration.publishSeconds }) ?? true {
            publishedAt = now
            emit(.publishState)
            watchSpeeds(at: now)
            seenWorkload = window.statistics(assumed: assumedWorkload, at: now)
            if let seenWorkload { emit(.publishWorkload(seenWorkload)) }
        }
    }

    mutating func emit(_ instruction: SchedulerInstruction) { instructions.append(instruction) }
    mutating func note(_ text: String) { emit(.note(text)) }

    /// The traffic that stands in for figures that nobody has seen yet.
    var assumedWorkload: WorkloadStatistics { inForce?.workload ?? WorkloadStatistics() }
}

extension SchedulerEvent {
    /// Whether the event may change which plan is wanted; the others, by far the most, only concern requests.
    fileprivate var concernsPlans: Bool {
        switch self {
        case .workerHeartbeat, .submitted, .cancelled, .requestEvent, .gatewayHeartbeat: false
        default: true
        }
    }
}
