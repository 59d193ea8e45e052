import Domain

@testable import Scheduling

/// A scheduler, the cores of its workers and a gateway together, on a manual clock: what the services do with sockets between
/// them. Messages of one connection keep their order; processes die, stop and start.
struct FleetWorld {
    struct Request {
        var prompt: Int
        var output: Int
        /// Tokens that the gateway has, in order.
        var text: [Int32] = []
        var wire: RequestID
        var attempts = 1
        /// When it is submitted again.
        var retryAt: Double?
        var isSubmitted = false
        /// The scheduler has said where it goes.
        var isRouted = false
        var isDone = false
        /// When it got its last token.
        var progressAt = 0.0
    }

    static let patience = 60.0

    var scheduler: SchedulerCore
    var stages: StageWorld
    var now: Double { stages.now }
    var sessions: [WorkerKey: Int] = [:]
    var paused: Set<WorkerKey> = []
    /// Steps that all compute threads together do each time that somebody looks; sequences last where there are few.
    var stepsAtATime = Int.max
    /// Whether workers can hand sequences over with their KV cache.
    let movesSequences: Bool
    /// Whether workers let sequences grow.
    let growsSequences: Bool
    /// Whether workers keep KV cache for requests to come.
    let reusesPrefixes: Bool
    var requests: [String: Request] = [:]
    var notes: [String] = []
    /// What went wrong, for the test to look at.
    var problems: [String] = []
    /// Requests that went on elsewhere with their KV cache.
    var movedRequests: Set<RequestID> = []
    /// Messages between scheduler and workers, in order.
    private var control: [(to: WorkerAddress, event: StageEvent)] = []
    private var inbox: [SchedulerEvent] = []
    private var tickets: [StageTicket: (WorkerAddress, Epoch, ReplicaID)] = [:]
    private var lastTicket: StageTicket = 1 << 32
    private var seenReports = 0
    private var seenTokens: [RequestID: Int] = [:]
    private var submitted: [RequestID: (prompt: Int, generated: Int, output: Int)] = [:]
    private var nextBeat = 0.0
    private var answers = 0
    private let keys: [WorkerKey]
    private let memory: Int
    private let fleet: Fleet

    init(
        _ devices: [DeviceID], memory: Int = 1 << 20, movesSequences: Bool = true, growsSequences: Bool = true,
        reusesPrefixes: Bool = true
    ) {
        self.reusesPrefixes = reusesPrefixes
        self.movesSequences = movesSequences
        self.growsSequences = growsSequences
        scheduler = SchedulerCore(configuration: Self.configuration)
        keys = devices.flatMap { device in WorkerKind.allCases.map { WorkerKey(device, $0) } }
        self.memory = memory
        stages = StageWorld(keys, memory: memory)
        var fleet = Sample.fleet(devices)
        for index in fleet.devices.indices { fleet.devices[index].memoryUsableBytes = memory }
        self.fleet = fleet
        give(.fleet(fleet))
        for key in keys { start(key) }
    }

    private static var configuration: SchedulingConfiguration {
        var configuration = SchedulingConfiguration()
        configuration.idleWorkerLostSeconds = nil
        configuration.adoptionSeconds = 0.5
        configuration.queueSeconds = 600
        configuration.unservableSeconds = 600
        configuration.drainSeconds = 3
        return configuration
    }

    /// Replaces the scheduler by one that knows nothing: workers notice with their next heartbeat, and the gateway repeats what
    /// was not answered.
    mutating func restartScheduler() {
        scheduler = SchedulerCore(configuration: Self.configuration)
        inbox = []
        give(.fleet(fleet))
        for name in requests.keys.sorted() {
            guard let request = requests[name], !request.isDone, request.isSubmitted, !request.isRouted else {
                continue
            }
            hand(name)
        }
    }

    // MARK: Acting

    /// Starts a worker process, with nothing in its memory.
    mutating func start(_ key: WorkerKey) {
        sessions[key, default: 0] += 1
        paused.remove(key)
        stages.cores[key] = StageWorld([key], memory: memory).withWaiting(stages.waiting).cores[key]
        stages.computing.removeAll { $0.key == key }
        stages.exporting.removeAll { $0.key == key }
        stages.network.removeAll { $0.to == key }
        for name in stages.lengths.keys where name.hasPrefix("\(key)#") { stages.lengths[name] = nil }
        for name in stages.caches.keys where name.hasPrefix("\(key)#") { stages.caches[name] = nil }
        hello(key)
    }

    mutating func kill(_ key: WorkerKey, isNoticed: Bool = true) {
        let address = address(key)
        stages.cores[key] = nil
        stages.computing.removeAll { $0.key == key }
        stages.exporting.removeAll { $0.key == key }
        stages.network.removeAll { $0.to == key }
        if isNoticed { give(.workerGone(address)) }
    }

    /// A connection breaks with a message on it.
    mutating func loseMessage(_ index: Int) {
        if !stages.network.isEmpty { stages.network.remove(at: index % stages.network.count) }
    }

    mutating func pause(_ key: WorkerKey) { if stages.cores[key] != nil { paused.insert(key) } }
    mutating func resume(_ key: WorkerKey) { paused.remove(key) }

    mutating func submit(_ name: String, prompt: Int, output: Int) {
        requests[name] = Request(prompt: prompt, output: output, wire: RequestID(name), progressAt: now)
        hand(name)
    }

    mutating func propose(_ plan: PlacementPlan) { give(.proposal(plan, reason: "test")) }

    /// Lets time pass.
    mutating func pass(_ seconds: Double) {
        let end = now + seconds
        while now < end - 1e-9 {
            stages.now = min(end, now + 0.25)
            work()
            if now >= nextBeat {
                nextBeat = now + 1
                for key in keys where isRunning(key) {
                    let load = stages.cores[key]?.summary.load ?? WorkerLoad()
                    give(.workerHeartbeat(address(key), WorkerLoad(kvGrownTokens: load.kvGrownTokens)))
                    stages.send(.tick, to: key)
                }
                give(.gatewayHeartbeat(endpoint: StageWorld.gateway, requests: wanted))
            }
            for name in requests.keys.sorted() {
                guard let request = requests[name], !request.isDone else { continue }
                if let at = request.retryAt, at <= now { hand(name) }
            }
            give(.tick)
            work()
        }
    }

    // MARK: Looking

    var wanted: [RequestID] { requests.values.filter { !$0.isDone && $0.isSubmitted }.map(\.wire).sorted() }
    var open: [String] { requests.filter { !$0.value.isDone }.keys.sorted() }
    func isRunning(_ key: WorkerKey) -> Bool { stages.cores[key] != nil && !paused.contains(key) }
    func address(_ key: WorkerKey) -> WorkerAddress { WorkerAddress(key, session: "s\(sessions[key] ?? 0)") }

    // MARK: Messages

    private mutating func hello(_ key: WorkerKey) {
        guard let core = stages.cores[key], !paused.contains(key) else { return }
        let summary = core.summary
        give(
            .workerHello(
                WorkerReport(
                    address: address(key), endpoint: StageWorld.endpoint(key), epoch: summary.epoch,
                    stages: summary.stages, kvBlockTokens: StageWorld.block, held: summary.held,
                    movesSequences: movesSequences, growsSequences: growsSequences,
                    reusesPrefixes: reusesPrefixes, handsOverPrefixes: reusesPrefixes, guessesTokens: true,
                    constrainsSampling: true)))
    }

    /// Hands a request to the scheduler with what the gateway has.
    private mutating func hand(_ name: String) {
        guard var request = requests[name] else { return }
        request.retryAt = nil
        request.isSubmitted = true
        request.isRouted = false
        requests[name] = request
        let generated = request.text.count
        submitted[request.wire] = (request.prompt, generated, request.output)
        give(
            .submitted(
                SubmittedRequest(
                    id: request.wire, promptTokens: request.prompt + generated, generatedTokens: generated,
                    maxTokens: request.output, gateway: StageWorld.gateway,
                    prefix: PromptPrefix(
                        tokens: (0..<request.prompt + generated).map {
                            StageWorld.token(request.wire, position: $0)
                        }))))
    }

    private mutating func give(_ event: SchedulerEvent) {
        inbox.append(event)
        while !inbox.isEmpty {
            let event = inbox.removeFirst()
            for instruction in scheduler.handle(event, at: now) { perform(instruction) }
        }
    }

    private mutating func perform(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .prepare(let to, let stage, let epoch):
            lastTicket += 1
            tickets[lastTicket] = (to, epoch, stage.replica)
            control.append((to, .prepare(stage, epoch: epoch, ticket: lastTicket)))
        case .release(let to, let replica, let epoch, let keeping):
            lastTicket += 1
            tickets[lastTicket] = (to, epoch, replica)
            control.append((to, .release(replica, epoch: epoch, keeping: keeping, ticket: lastTicket)))
        case .start(let routed): start(routed)
        case .cancel(let id, let to): control.append((to, .cancel(id)))
        case .move(let routed):
            control.append(
                (
                    routed.first,
                    .move(
                        SequenceMove(
                            request: routed.request, epoch: routed.epoch, route: routed.route,
                            reservedTokens: routed.reservedTokens, capacityTokens: routed.capacityTokens,
                            reusesPrefixes: routed.reusesPrefixes))
                ))
        case .moved(let routed): movedRequests.insert(routed.request)
        case .refuseHeartbeat(let to): if to == address(to.key) { hello(to.key) }
        case .refuse(let id, _, let fault), .lose(let id, _, let fault): lost(id, fault)
        case .note(let text): notes.append(text)
        case .requestPlan(let question): answer(question)
        default: break
        }
    }

    /// The clusterer: a replica on every device that may be used.
    private mutating func answer(_ question: PlanRequest) {
        let usable = fleet.devices.map(\.id).filter { !question.excludedDevices.contains($0) }
        guard !usable.isEmpty else {
            inbox.append(.planFailed(Fault("no_plan", "no device", isRetriable: true)))
            return
        }
        answers += 1
        let plan = Sample.plan(
            PlanID("answer-\(answers)"), usable.map { Sample.replica(ReplicaID("m-\($0)"), .mixed, [$0], kv: 100) })
        inbox.append(.proposal(plan, reason: question.reason))
    }

    private mutating func start(_ routed: RoutedRequest) {
        guard let what = submitted[routed.request] else { return }
        for (name, request) in requests where request.wire == routed.request { requests[name]?.isRouted = true }
        let total = what.prompt + what.generated
        var opening = SequenceOpening(
            request: routed.request, epoch: routed.epoch,
            route: routed.route,
            tokens: (0..<total).map { StageWorld.token(routed.request, position: $0) },
            generatedTokens: what.generated, sampling: SamplingParameters(),
            stop: StopConditions(maxTokens: routed.maxTokens), reservedTokens: routed.reservedTokens,
            capacityTokens: routed.capacityTokens, prefillCapacityTokens: routed.prefillCapacityTokens,
            reusesPrefixes: routed.reusesPrefixes)
        opening.speculates = routed.speculates
        control.append((routed.first, .start(opening)))
    }

    /// A refusal or a loss: the gateway submits again under a new name, with what it has.
    private mutating func lost(_ id: RequestID, _ fault: Fault) {
        guard let name = requests.first(where: { $0.value.wire == id && !$0.value.isDone })?.key,
            var request = requests[name]
        else { return }
        if !fault.isRetriable, fault.code != "cancelled" { problems.append("\(name) ended with \(fault)") }
        request.attempts += 1
        request.wire = RequestID("\(name)~\(request.attempts)")
        request.isSubmitted = false
        request.retryAt = now + 0.25
        requests[name] = request
        inbox.append(.cancelled(id))
    }

    /// Everybody does what there is to do.
    mutating func work() {
        var steps = 0
        for _ in 0..<20_000 {
            if let index = control.firstIndex(where: { !paused.contains($0.to.key) }) {
                let message = control.remove(at: index)
                if message.to == address(message.to.key) { stages.send(message.event, to: message.to.key) }
            } else if let index = stages.network.firstIndex(where: { !paused.contains($0.to) }) {
                let message = stages.network.remove(at: index)
                stages.send(message.event, to: message.to)
            } else if let index = stages.exporting.firstIndex(where: { !paused.contains($0.key) }) {
                stages.exporting.swapAt(0, index)
                stages.exportNext()
            } else if steps < stepsAtATime,
                let index = stages.computing.firstIndex(where: { !paused.contains($0.key) })
            {
                steps += 1
                stages.computing.insert(stages.computing.remove(at: index), at: 0)
                stages.computeNext()
            } else {
                collect()
                guard control.isEmpty || !control.contains(where: { !paused.contains($0.to.key) }) else { continue }
                return
            }
            collect()
        }
        problems.append("the fleet does not come to rest")
    }

    /// What workers told the scheduler and the gateway since the last time.
    private mutating func collect() {
        while seenReports < stages.reports.count {
            let (key, report) = stages.reports[seenReports]
            seenReports += 1
            give(.requestEvent(address(key), report))
        }
        for ticket in stages.answers.keys.sorted() {
            guard let answer = stages.answers.removeValue(forKey: ticket),
                let (to, epoch, _) = tickets.removeValue(forKey: ticket)
            else { continue }
            switch answer {
            case .success(let capacity):
                give(.stagePrepared(to, epoch: epoch, kvCapacityTokens: capacity, kvBlockTokens: StageWorld.block))
            case .failure(let refusal):
                give(
                    .stagePrepareFailed(
                        to, epoch: epoch,
                        Fault(refusal.code, refusal.message, isRetriable: refusal.isRetriable)))
            }
        }
        for ticket in stages.released.sorted() {
            stages.released.remove(ticket)
            if let (to, _, replica) = tickets.removeValue(forKey: ticket) { give(.stageReleased(to, replica)) }
        }
        for name in requests.keys.sorted() { read(name) }
    }

    /// The gateway takes the tokens of the attempt that it waits for.
    private mutating func read(_ name: String) {
        guard var request = requests[name], !request.isDone, let got = stages.tokens[request.wire] else { return }
        while let token = got[request.text.count] {
            let expected = StageWorld.token(RequestID(name), position: request.prompt + request.text.count)
            if token != expected {
                problems.append("\(name): token \(request.text.count) is \(token), not \(expected)")
            }
            request.text.append(token)
            request.progressAt = now
        }
        let isAtEnd = stages.finished[request.wire] == .length && got[request.text.count] == nil
        if request.text.count >= request.output || isAtEnd { request.isDone = true }
        requests[name] = request
    }
}

extension StageWorld {
    /// The same with another world's record of what waits.
    func withWaiting(_ waiting: WaitingBytes) -> StageWorld {
        var world = self
        world.waiting = waiting
        for key in world.cores.keys { world.cores[key]?.waitingBytes = { waiting.bytes[$0] ?? 0 } }
        return world
    }
}
