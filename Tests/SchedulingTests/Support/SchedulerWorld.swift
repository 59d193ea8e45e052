import Domain
import Scheduling

/// A scheduler with fake workers and gateways around it, on a manual clock. Workers answer at once unless told otherwise;
/// requests move only when a test moves them.
struct SchedulerWorld {
    struct Worker {
        var session: Int
        var isRunning = true
        var epoch: Epoch = 0
        /// Stages by replica.
        var stages: [ReplicaID: ServedStage] = [:]
        var held: [RequestID: HeldRequest] = [:]
        var load = WorkerLoad()
    }

    static let gateway = "tcp://gateway"

    var configuration: SchedulingConfiguration
    var core: SchedulerCore
    var now = 100.0
    var workers: [WorkerKey: Worker] = [:]
    /// Every instruction so far.
    var log: [SchedulerInstruction] = []
    /// Instructions of the last event.
    var last: [SchedulerInstruction] = []
    /// Workers that fail to prepare a stage.
    var failing: Set<WorkerKey> = []
    /// Workers that do not answer prepare messages.
    var silent: Set<WorkerKey> = []
    /// Workers that can hold one stage only.
    var small: Set<WorkerKey> = []
    /// Workers that know of constraints.
    var constraining: Set<WorkerKey> = []
    /// Workers that know of biases and log probabilities.
    var reading: Set<WorkerKey> = []
    /// Whether the gateway sends heartbeats.
    var gatewayBeats = true
    /// What the gateway waits for.
    var wanted: Set<RequestID> = []
    /// Sends of the workers that the scheduler has not seen yet.
    private var inbox: [SchedulerEvent] = []
    private var nextBeat = 0.0
    /// Checks that hold after every event.
    var invariants = SchedulerInvariants()

    init(_ change: (inout SchedulingConfiguration) -> Void = { _ in }) {
        var configuration = SchedulingConfiguration()
        // Workers report all the time, unless a test says otherwise.
        configuration.idleWorkerLostSeconds = nil
        change(&configuration)
        self.configuration = configuration
        core = SchedulerCore(configuration: configuration)
    }

    /// A world in which a plan is in force.
    static func serving(
        _ plan: PlacementPlan, devices: [DeviceID] = ["a", "b", "c"],
        _ change: (inout SchedulingConfiguration) -> Void = { _ in }
    ) -> SchedulerWorld {
        var world = SchedulerWorld(change)
        world.send(.fleet(Sample.fleet(devices)))
        for device in devices { world.startDevice(device) }
        world.pass(world.configuration.adoptionSeconds + world.configuration.debounceSeconds + 1)
        world.send(.proposal(plan, reason: "test"))
        return world
    }

    // MARK: Acting

    mutating func startDevice(_ device: DeviceID) {
        for kind in WorkerKind.allCases { startWorker(WorkerKey(device, kind)) }
    }

    /// Starts a worker, or starts it again with nothing in its memory.
    mutating func startWorker(_ key: WorkerKey) {
        workers[key] = Worker(session: (workers[key]?.session ?? 0) + 1)
        hello(key)
    }

    mutating func kill(_ key: WorkerKey) { workers[key]?.isRunning = false }

    /// Lets a paused process go on.
    mutating func resume(_ key: WorkerKey) { workers[key]?.isRunning = true }

    mutating func hello(_ key: WorkerKey) {
        guard let worker = workers[key], worker.isRunning else { return }
        send(.workerHello(report(key, worker)))
    }

    private func report(_ key: WorkerKey, _ worker: Worker) -> WorkerReport {
        WorkerReport(
            address: address(key), endpoint: "tcp://\(key)", epoch: worker.epoch,
            stages: worker.stages.values.sorted { $0.assignment.replica < $1.assignment.replica },
            held: worker.held.values.sorted { $0.request < $1.request },
            constrainsSampling: constraining.contains(key), readsLogits: reading.contains(key))
    }

    /// Replaces the scheduler by a new one that knows nothing; workers notice with their next heartbeat.
    mutating func restartScheduler() {
        core = SchedulerCore(configuration: configuration)
        invariants.schedulerRestarted()
    }

    mutating func submit(
        _ id: RequestID, prompt: Int = 48, generated: Int = 0, max: Int = 100, patience: Double? = nil,
        isConstrained: Bool = false, readsLogits: Bool = false, scoresPrompt: Bool = false
    ) {
        wanted.insert(id)
        send(
            .submitted(
                SubmittedRequest(
                    id: id, promptTokens: prompt, generatedTokens: generated, maxTokens: max, gateway: Self.gateway,
                    patience: patience, isConstrained: isConstrained, readsLogits: readsLogits,
                    scoresPrompt: scoresPrompt)))
    }

    mutating func cancel(_ id: RequestID) {
        wanted.remove(id)
        send(.cancelled(id))
    }

    mutating func report(_ id: RequestID, _ moment: RequestEvent.Moment, by key: WorkerKey, generated: Int = 0) {
        guard workers[key]?.isRunning == true else { return }
        send(.requestEvent(address(key), RequestReport(id, moment, generatedTokens: generated)))
    }

    /// The first decoder stage ends a request.
    mutating func finish(_ id: RequestID, on key: WorkerKey, generated: Int = 10) {
        for other in workers.keys { workers[other]?.held[id] = nil }
        wanted.remove(id)
        report(id, .finished(.stop), by: key, generated: generated)
    }

    /// Lets time pass: ticks, heartbeats of workers and of the gateway.
    mutating func pass(_ seconds: Double) {
        let end = now + seconds
        while now < end - 1e-9 {
            now = min(end, now + 0.25)
            if now >= nextBeat {
                nextBeat = now + 1
                for key in workers.keys.sorted() where workers[key]?.isRunning == true {
                    send(.workerHeartbeat(address(key), workers[key]?.load ?? WorkerLoad()))
                }
                if gatewayBeats { send(.gatewayHeartbeat(endpoint: Self.gateway, requests: wanted.sorted())) }
            }
            send(.tick)
        }
    }

    func address(_ key: WorkerKey) -> WorkerAddress {
        WorkerAddress(key, session: "s\(workers[key]?.session ?? 0)")
    }

    /// Gives an event to the scheduler and lets workers and gateway do what it says.
    mutating func send(_ event: SchedulerEvent) {
        last = []
        inbox.append(event)
        while !inbox.isEmpty {
            let event = inbox.removeFirst()
            let instructions = core.handle(event, at: now)
            last += instructions
            log += instructions
            invariants.check(event, instructions, core: core, at: now)
            for instruction in instructions { perform(instruction) }
        }
    }

    // MARK: Looking

    func snapshot() -> SchedulerState { core.snapshot(at: now) }
    func load(_ id: ReplicaID) -> ReplicaLoad? { snapshot().replicas.first { $0.replica == id } }
    /// Whether new requests may go to a replica.
    func serves(_ id: ReplicaID) -> Bool { load(id)?.serves == true }

    func allServing() -> Bool { !snapshot().replicas.contains { !$0.serves } }
    var notes: [String] { log.compactMap { if case .note(let text) = $0 { text } else { nil } } }

    /// Routed requests of the last event.
    var started: [RoutedRequest] { Self.started(last) }
    var allStarted: [RoutedRequest] { Self.started(log) }
    var lost: [RequestID] { log.compactMap { if case .lose(let id, _, _) = $0 { id } else { nil } } }
    var refused: [RequestID: Fault] {
        log.reduce(into: [:]) { if case .refuse(let id, _, let fault) = $1 { $0[id] = fault } }
    }
    /// What gateways were told about requests that go on.
    var relayed: [RequestReport] {
        log.compactMap { if case .relay(let report, Self.gateway) = $0 { report } else { nil } }
    }
    var questions: [PlanRequest] {
        log.compactMap { if case .requestPlan(let question) = $0 { question } else { nil } }
    }
    var cancels: [(RequestID, WorkerKey)] {
        log.compactMap { if case .cancel(let id, let address) = $0 { (id, address.key) } else { nil } }
    }
    var releases: [(WorkerKey, ReplicaID)] {
        log.compactMap { if case .release(let address, let replica, _, _) = $0 { (address.key, replica) } else { nil } }
    }
    var prepares: [(WorkerKey, StageAssignment, Epoch)] {
        log.compactMap {
            if case .prepare(let address, let stage, let epoch) = $0 { (address.key, stage, epoch) } else { nil }
        }
    }

    private static func started(_ instructions: [SchedulerInstruction]) -> [RoutedRequest] {
        instructions.compactMap { if case .start(let routed) = $0 { routed } else { nil } }
    }

    // MARK: Workers

    private mutating func perform(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .prepare(let to, let stage, let epoch): prepare(to, stage, epoch)
        case .release(let to, let replica, let epoch, _):
            guard reaches(to) else { return }
            if let stage = workers[to.key]?.stages[replica], stage.formed <= epoch {
                drop(replica, of: to.key)
                workers[to.key]?.stages[replica] = nil
            }
            if !silent.contains(to.key) { inbox.append(.stageReleased(to, replica)) }
        case .start(let routed):
            func held(_ replica: ReplicaID) -> HeldRequest {
                HeldRequest(
                    request: routed.request, reservedTokens: routed.reservedTokens,
                    gatewayEndpoint: routed.route.gateway, replica: replica)
            }
            if reaches(routed.first) {
                workers[routed.first.key]?.held[routed.request] = held(
                    routed.route.prefillReplica ?? routed.route.decodeReplica)
            }
            if let device = routed.route.decode.first?.device, workers[.decode(device)]?.isRunning == true {
                workers[.decode(device)]?.held[routed.request] = held(routed.route.decodeReplica)
            }
        case .cancel(let id, let to):
            guard reaches(to), workers[to.key]?.held.removeValue(forKey: id) != nil else { return }
            inbox.append(.requestEvent(to, RequestReport(id, .finished(.abort))))
        case .refuseHeartbeat(let to):
            if reaches(to) { helloLater(to.key) }
        case .refuse(let id, _, _), .lose(let id, _, _): wanted.remove(id)
        default: break
        }
    }

    private mutating func prepare(_ to: WorkerAddress, _ stage: StageAssignment, _ epoch: Epoch) {
        guard reaches(to), !silent.contains(to.key), let worker = workers[to.key] else { return }
        func fail(_ code: String) {
            let fault = Fault(code, code, isRetriable: true)
            inbox.append(.stagePrepareFailed(to, epoch: epoch, fault))
        }
        let held = worker.stages[stage.replica]
        if held?.formed != epoch {
            if failing.contains(to.key) { return fail("out_of_memory") }
            if worker.epoch >= epoch { return fail("stale_epoch") }
            if small.contains(to.key), held == nil, !worker.stages.isEmpty { return fail("no_room") }
            drop(stage.replica, of: to.key)
            workers[to.key]?.epoch = epoch
        }
        workers[to.key]?.stages[stage.replica] = ServedStage(
            assignment: stage, formed: epoch, kvCapacityTokens: 2000)
        inbox.append(.stagePrepared(to, epoch: epoch, kvCapacityTokens: 2000))
    }

    /// What a first stage held of a replica is gone, and it says so.
    private mutating func drop(_ replica: ReplicaID, of key: WorkerKey) {
        for held in workers[key]?.held.values.sorted(by: { $0.request < $1.request }) ?? []
        where held.replica == replica {
            workers[key]?.held[held.request] = nil
            let fault = Fault("stage_gone", "gone", isRetriable: true)
            inbox.append(.requestEvent(address(key), RequestReport(held.request, .failed(fault))))
        }
    }

    private mutating func helloLater(_ key: WorkerKey) {
        guard let worker = workers[key] else { return }
        inbox.append(.workerHello(report(key, worker)))
    }

    private func reaches(_ to: WorkerAddress) -> Bool {
        workers[to.key]?.isRunning == true && address(to.key) == to
    }
}

extension ReplicaLoad {
    /// Whether new requests may go there.
    var serves: Bool { ["serving", "leaving"].contains(state) && stages.allSatisfy(\.alive) }
}
