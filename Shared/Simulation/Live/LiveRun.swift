internal import CostModel
internal import Domain
internal import Planning
internal import Scheduling

/// A run of the services' own scheduler and stage drivers on a simulated fleet.
///
/// `SchedulerCore` gets the events that services would send it, `StageDriver` decides what every replica computes, the cost
/// model says how long it takes, and `TransferNetwork` how long KV travels. Nothing here decides where a request goes.
final class LiveRun {
    enum Event {
        case arrival(Int)
        /// A replica's first stage is free.
        case wake(Int)
        /// A step has come back from the last stage.
        case stepDone(run: Int, step: UInt64)
        /// A stage has computed some tokens' KV.
        case computed(Attempt, stage: Int, tokens: Int, isLast: Bool)
        /// A part of a request's KV is on its target stage.
        case arrived(Attempt, target: Int)
        /// A flow may have ended; outdated where another event has changed the network since.
        case network(UInt64)
        indirect case scheduler(SchedulerEvent)
        case tick
        indirect case fault(SimulatedFault)
    }

    /// One try of a request: what a failed try left behind is ignored.
    struct Attempt: Hashable {
        var request: Int
        var number: Int
    }

    /// A request that has been routed.
    struct Running {
        var attempt: Attempt
        var prefill: Int?
        var decode: Int
        /// Tokens generated, those of earlier tries included.
        var generated: Int
        var transfer: KVTransfer?
        var flows: [TransferNetwork.FlowID: Int] = [:]
        /// What prompts had delayed the decoder by when it began.
        var delayedBefore = 0.0
    }

    /// With keys and values in f16; replicas have the type of their plan.
    let cost: FleetCost
    let settings: SimulationSettings
    let traffic: SimulatedTraffic
    var core: SchedulerCore
    var calendar = EventCalendar<Event>()
    var network: TransferNetwork
    var now = 0.0
    var runs: [ReplicaRun] = []
    var times: [RequestTimes] = []
    var running: [RequestID: Running] = [:]
    /// Requests that have not ended.
    var open: Int
    private var runOf: [RunKey: Int] = [:]
    /// Replicas as their workers were last told.
    private var replicas: [ReplicaID: PlanReplica] = [:]
    private var kvTypes: [ReplicaID: KVType] = [:]
    private var flowOwner: [TransferNetwork.FlowID: RequestID] = [:]
    private var numbers: [RequestID: Int] = [:]
    private var tries: [Int: Int] = [:]
    private var networkVersion: UInt64 = 0
    /// Workers that answer, with the session of their process.
    var sessions: [WorkerKey: Int] = [:]
    var down: Set<DeviceID> = []
    var fleet: Fleet
    let dynamics: FleetDynamics?
    /// Collects the timeline, where one was asked for.
    let recorder: TimelineRecorder?

    private struct RunKey: Hashable {
        var kind: WorkerKind
        var devices: [DeviceID]
        var layers: [LayerRange]
        var kvType: KVType
    }

    static let gateway = "gateway"

    init(
        plan: PlacementPlan, cost: FleetCost, traffic: SimulatedTraffic, settings: SimulationSettings,
        dynamics: FleetDynamics?
    ) throws(SimulationError) {
        if let problem = settings.problem { throw SimulationError(.invalidSetting, problem) }
        if let problem = PlanCheck.problem(plan, cost) { throw SimulationError(.invalidPlan, problem) }
        self.cost = cost
        self.settings = settings
        self.traffic = traffic
        self.dynamics = dynamics
        core = SchedulerCore(
            configuration: Self.configuration(settings, isDynamic: dynamics != nil), described: cost)
        network = TransferNetwork(cost.network)
        recorder = settings.timeline.map { TimelineRecorder($0, start: traffic.requests.first?.arrival ?? 0) }
        network.recorder = recorder
        open = traffic.requests.count
        times = traffic.requests.map {
            RequestTimes(id: $0.id, arrival: $0.arrival, promptTokens: $0.promptTokens, outputTokens: $0.outputTokens)
        }
        for (number, request) in traffic.requests.enumerated() { numbers[request.id] = number }
        let late = dynamics?.lateDevices ?? []
        down = late
        fleet = Fleet(
            version: 1, model: cost.model,
            devices: cost.devices.map { device in
                DeviceProfile(
                    id: device.id, fingerprint: device.id.rawValue, host: device.id.rawValue, threads: 1,
                    computeShare: 1, memoryUsableBytes: device.memoryBytes,
                    state: late.contains(device.id) ? .lost : .ready)
            })
        start(plan)
    }

    /// Limits of a service that has all the time there is: nothing is refused for having waited.
    private static func configuration(_ settings: SimulationSettings, isDynamic: Bool) -> SchedulingConfiguration {
        var configuration = SchedulingConfiguration()
        configuration.policy = settings.routing
        configuration.queueLimit = .max
        configuration.queueSeconds = .infinity
        configuration.unservableSeconds = .infinity
        configuration.localPrefillTokens = settings.localPrefillTokens
        configuration.lengthKnowledge = settings.lengthKnowledge
        configuration.chunkTokens = settings.streams ? settings.chunkTokens ?? .max : .max
        configuration.overcommit = settings.overcommit
        configuration.mostOvertakers = settings.mostOvertakers
        configuration.largestBatch = settings.batchLimit
        configuration.adoptionSeconds = 0
        configuration.gatewayLostSeconds = .infinity
        configuration.orphanSeconds = .infinity
        configuration.settleSeconds = 0
        // Simulated workers report all the time.
        configuration.idleWorkerLostSeconds = nil
        if !isDynamic { configuration.workerLostSeconds = .infinity }
        return configuration
    }

    private func start(_ plan: PlacementPlan) {
        send(.fleet(fleet))
        for device in fleet.devices where !down.contains(device.id) { greet(device.id) }
        send(.tick)
        send(.proposal(plan, reason: "simulated"))
        settle()
        for (number, request) in traffic.requests.enumerated() { calendar.add(.arrival(number), at: request.arrival) }
        guard let dynamics else { return }
        calendar.add(.tick, at: FleetDynamics.tickSeconds)
        for fault in dynamics.faults { calendar.add(.fault(fault), at: fault.time) }
    }

    /// Handles what is to happen before the first request.
    private func settle() {
        while let time = calendar.nextTime, time <= now, let (_, event) = calendar.next() { handle(event) }
    }

    // MARK: - Events

    /// Runs until every request has ended, or nothing more can happen.
    func run(progress: (Int) -> Void) {
        var reported = open
        while open > 0, let (time, event) = calendar.next() {
            now = max(now, time)
            handle(event)
            if reported - open >= 1000 {
                reported = open
                progress(times.count - open)
            }
            if let dynamics, now > dynamics.end(of: traffic) { break }
        }
        progress(times.count - open)
    }

    private func handle(_ event: Event) {
        switch event {
        case .arrival(let number): submit(number, generated: 0)
        case .wake(let index):
            runs[index].isWoken = false
            pump(index)
        case .stepDone(let index, let step): stepDone(index, step)
        case .computed(let attempt, let stage, let tokens, let isLast):
            guard let id = current(attempt) else { return }
            computed(id, stage: stage, tokens: tokens, isLast: isLast)
        case .arrived(let attempt, let target):
            guard let id = current(attempt) else { return }
            partArrived(id, target: target)
        case .network(let version):
            if version == networkVersion { networkMoved() }
        case .scheduler(let event): send(event)
        case .tick: tick()
        case .fault(let fault): happen(fault)
        }
    }

    private func current(_ attempt: Attempt) -> RequestID? {
        let id = times[attempt.request].id
        return running[id]?.attempt == attempt ? id : nil
    }

    func submit(_ number: Int, generated: Int) {
        let request = traffic.requests[number]
        send(
            .submitted(
                SubmittedRequest(
                    id: request.id, promptTokens: request.promptTokens + generated, generatedTokens: generated,
                    maxTokens: request.outputTokens, gateway: Self.gateway)))
    }

    // MARK: - Scheduler

    /// Gives the scheduler an event and does what it says.
    func send(_ event: SchedulerEvent) {
        for instruction in core.handle(event, at: now) { perform(instruction) }
    }

    private func perform(_ instruction: SchedulerInstruction) {
        switch instruction {
        case .start(let routed): begin(routed)
        case .refuse(let id, _, _): end(id, .refused)
        case .lose(let id, _, _): lost(id)
        case .cancel(let id, let worker): cancel(id, on: worker)
        case .prepare(let worker, let stage, let epoch): prepare(worker, stage, epoch)
        case .release(let worker, let replica, _, _):
            if answers(worker) { calendar.add(.scheduler(.stageReleased(worker, replica)), at: now) }
        case .requestPlan(let question):
            guard let dynamics else { return }
            calendar.add(.scheduler(dynamics.answer(question, cost, now: now)), at: now + dynamics.planSeconds)
        // Simulated workers do not say that they hand sequences over, so they are not asked to.
        case .welcome, .acknowledgeHeartbeat, .refuseHeartbeat, .confirm, .relay, .publishState, .publishWorkload,
            .note, .move, .moved:
            break
        }
    }

    func answers(_ worker: WorkerAddress) -> Bool {
        !down.contains(worker.key.device) && worker == address(worker.key)
    }

    func address(_ key: WorkerKey) -> WorkerAddress { WorkerAddress(key, session: "\(sessions[key] ?? 0)") }

    private func prepare(_ worker: WorkerAddress, _ stage: StageAssignment, _ epoch: Epoch) {
        guard answers(worker) else { return }
        var capacity = 0
        var seconds = 0.0
        if let replica = stage.plan.replicas.first(where: { $0.id == stage.replica }) {
            replicas[replica.id] = replica
            kvTypes[replica.id] = stage.plan.kvType
            capacity = cost.keeping(stage.plan.kvType).kvCapacityTokens([replica.stages[stage.stage]])
            // The plan of the start is loaded already.
            if let dynamics, now > 0 {
                seconds = dynamics.loadSeconds(cost.model.weightBytes(replica.stages[stage.stage].layers))
            }
        }
        calendar.add(
            .scheduler(.stagePrepared(worker, epoch: epoch, kvCapacityTokens: capacity)), at: now + seconds)
    }

    private func run(of id: ReplicaID) -> Int? {
        guard var replica = replicas[id] else { return nil }
        if settings.chunkTokens == nil { replica.mixedChunkTokens = nil }
        let key = RunKey(
            kind: replica.role.workerKind, devices: replica.stages.map(\.device), layers: replica.stages.map(\.layers),
            kvType: kvTypes[id] ?? .f16)
        let isUp = !key.devices.contains { down.contains($0) }
        if let known = runOf[key], runs[known].isAlive == isUp { return known }
        var policy = BatchPolicy(
            maxBatchedTokens: settings.chunkTokens ?? 1 << 20,
            maxSequences: settings.batchLimit.sequences(planned: replica.decodeConcurrency),
            batching: settings.batching)
        policy.mostOvertakers = settings.mostOvertakers
        guard var run = ReplicaRun(replica, cost.keeping(key.kvType), policy) else { return nil }
        for (stage, device) in key.devices.enumerated() { run.slowdown[stage] = dynamics?.factor(device, at: now) ?? 1 }
        run.isAlive = isUp
        run.recorder = recorder
        runs.append(run)
        runOf[key] = runs.count - 1
        return runs.count - 1
    }

    // MARK: - Requests

    private func begin(_ routed: RoutedRequest) {
        guard let number = numbers[routed.request], let decode = run(of: routed.route.decodeReplica) else {
            return
        }
        let prefill = routed.route.prefillReplica.flatMap { run(of: $0) }
        tries[number, default: 0] += 1
        let request = traffic.requests[number]
        let generated = routed.maxTokens + request.promptTokens - routed.reservedTokens
        var state = Running(
            attempt: Attempt(request: number, number: tries[number] ?? 1), prefill: prefill, decode: decode,
            generated: max(0, generated))
        let tokens = request.promptTokens + state.generated
        if let prefill {
            let transfer = KVTransfer(
                from: runs[prefill].replica.stages, to: runs[decode].replica.stages, tokens: tokens,
                cost: cost.keeping(kvTypes[routed.route.decodeReplica] ?? .f16), &network)
            for part in transfer.parts {
                guard let flow = part.flow else { continue }
                state.flows[flow] = part.target
                flowOwner[flow] = routed.request
                recorder?.owns(flow, routed.request)
            }
            state.transfer = transfer
        }
        running[routed.request] = state
        times[number].prefillReplica = routed.route.prefillReplica ?? routed.route.decodeReplica
        times[number].decodeReplica = routed.route.decodeReplica
        times[number].kvStart = nil
        times[number].kvComplete = nil
        let sequence = SequencePlan(
            request: routed.request, tokenCount: tokens, prefillsHere: true, decodesHere: prefill == nil)
        let home = prefill ?? decode
        take(runs[home].driver.open(sequence), from: home)
        if prefill != nil {
            take(
                runs[decode].driver.open(
                    SequencePlan(
                        request: routed.request, tokenCount: tokens, prefillsHere: false, decodesHere: true)),
                from: decode)
        }
        pump(home)
    }

    /// Asks a replica for steps for as long as its first stage is free.
    func pump(_ index: Int) {
        guard runs[index].isAlive else { return }
        while runs[index].firstFree <= now {
            guard let (step, instructions) = runs[index].driver.nextStep() else { return }
            take(instructions, from: index)
            let passage = runs[index].pass(step, at: now)
            let done = (passage.ends.last ?? now) + runs[index].clock.returnSeconds
            calendar.add(.stepDone(run: index, step: step.number), at: done)
            if settings.streams { announce(passage) }
        }
        guard !runs[index].isWoken else { return }
        runs[index].isWoken = true
        calendar.add(.wake(index), at: runs[index].firstFree)
    }

    /// The KV of prompt chunks that has somewhere to go, when each stage has computed it.
    private func announce(_ passage: ReplicaRun.Passage) {
        for part in passage.step.parts where part.inputToken == nil {
            guard let state = running[part.request], state.transfer != nil else { continue }
            for (stage, end) in passage.ends.enumerated() {
                calendar.add(
                    .computed(state.attempt, stage: stage, tokens: part.count, isLast: part.sample), at: end)
            }
        }
    }

    private func stepDone(_ index: Int, _ number: UInt64) {
        guard runs[index].isAlive, let passage = runs[index].passages.removeValue(forKey: number) else { return }
        runs[index].promptSeconds += passage.promptSeconds
        var results: [StepResult] = []
        for part in passage.step.parts where part.sample {
            guard runs[index].driver.contains(part.request), var state = running[part.request] else { continue }
            state.generated += 1
            running[part.request] = state
            let isLast = state.generated >= traffic.requests[state.attempt.request].outputTokens
            // A prefill replica hands on its token; the decoder ends the request.
            let endsHere = isLast && (state.prefill == nil || state.decode == index)
            results.append(StepResult(request: part.request, token: 0, finishReason: endsHere ? .length : nil))
        }
        take(runs[index].driver.stepDone(number, results: results), from: index)
        pump(index)
    }

    /// What a driver wants done; tokens left the last stage a hop ago.
    private func take(_ instructions: [DriverInstruction], from index: Int) {
        // The dead report nothing.
        guard runs[index].isAlive else { return }
        let left = now - runs[index].clock.returnSeconds
        for instruction in instructions {
            switch instruction {
            case .close: break
            case .prefillStarted(let id):
                note(id) { if $0.prefillStart == nil { $0.prefillStart = now } }
                report(id, .prefillStarted, from: index)
            case .prefillFinished(let id):
                note(id) { if $0.firstToken == nil { $0.firstToken = left } }
                report(id, .prefillFinished, from: index)
                prefilled(id, from: index)
            case .kvComplete(let id):
                if running[id]?.transfer?.travels == true { note(id) { $0.kvComplete = now } }
                report(id, .kvComplete, from: index)
            case .decodeStarted(let id):
                running[id]?.delayedBefore = runs[index].promptSeconds
                note(id) { if $0.decodeStart == nil { $0.decodeStart = now } }
                report(id, .decodeStarted, from: index)
            // Nothing is lost between simulated stages. The limit of a simulated request is its length, which is reserved.
            case .left, .lost, .grow, .preempted: break
            case .finished(let id, let reason):
                if reason == .length {
                    if let before = running[id]?.delayedBefore, let number = numbers[id] {
                        let span = left - (times[number].decodeStart ?? left)
                        times[number].stall += min(max(0, span), runs[index].promptSeconds - before)
                    }
                    note(id) { $0.end = max(left, $0.firstToken ?? left) }
                }
                report(id, .finished(reason), from: index)
                if reason == .length { end(id, .finished) }
            }
        }
    }

    /// The first token, and where nothing streamed the whole KV, go to the decoder.
    private func prefilled(_ id: RequestID, from index: Int) {
        guard let state = running[id], let prefill = state.prefill, prefill == index else { return }
        let request = traffic.requests[state.attempt.request]
        if !settings.streams {
            for stage in runs[prefill].replica.stages.indices {
                computed(id, stage: stage, tokens: request.promptTokens, isLast: true)
            }
        }
        let isLast = state.generated >= request.outputTokens
        take(
            runs[state.decode].driver.firstToken(id, token: 0, finishReason: isLast ? .length : nil),
            from: state.decode)
        pump(state.decode)
    }

    private func note(_ id: RequestID, _ change: (inout RequestTimes) -> Void) {
        guard let number = numbers[id] else { return }
        change(&times[number])
    }

    private func report(_ id: RequestID, _ moment: RequestEvent.Moment, from index: Int) {
        let generated = running[id]?.generated ?? 0
        send(
            .requestEvent(
                address(runs[index].first), RequestReport(id, moment, generatedTokens: generated)))
    }

    func end(_ id: RequestID, _ outcome: RequestTimes.Outcome) {
        release(id)
        guard let number = numbers.removeValue(forKey: id) else { return }
        times[number].outcome = outcome
        tries[number] = nil
        open -= 1
    }

    /// The scheduler gave a routed request up; the gateway sends it again with what was generated.
    private func lost(_ id: RequestID) {
        guard let number = numbers[id] else { return }
        let generated = running[id]?.generated ?? 0
        release(id)
        times[number].retries += 1
        submit(number, generated: generated)
    }

    private func cancel(_ id: RequestID, on worker: WorkerAddress) {
        guard answers(worker) else { return }
        for index in runs.indices where runs[index].isAlive && runs[index].first == worker.key {
            let instructions = runs[index].driver.cancel(id)
            guard !instructions.isEmpty else { continue }
            calendar.add(
                .scheduler(.requestEvent(worker, RequestReport(id, .finished(.abort)))), at: now)
        }
    }

    private func release(_ id: RequestID) {
        guard let state = running.removeValue(forKey: id) else { return }
        for flow in state.flows.keys.sorted() where flowOwner.removeValue(forKey: flow) != nil {
            network.cancel(flow, at: now)
        }
        watchNetwork()
    }

    // MARK: - KV

    private func computed(_ id: RequestID, stage: Int, tokens: Int, isLast: Bool) {
        guard let state = running[id], let transfer = state.transfer else { return }
        if transfer.travels { note(id) { if $0.kvStart == nil { $0.kvStart = now } } }
        for part in transfer.parts where part.source == stage {
            if let flow = part.flow {
                network.add(part.bytesPerToken * Double(tokens), isLast: isLast, to: flow, at: now)
                if network.endIfEmpty(flow) { flowEnded(flow) }
            } else if isLast {
                partArrived(id, target: part.target)
            }
        }
        watchNetwork()
    }

    private func networkMoved() {
        for flow in network.ended(at: now) { flowEnded(flow) }
        watchNetwork()
    }

    private func flowEnded(_ flow: TransferNetwork.FlowID) {
        guard let id = flowOwner.removeValue(forKey: flow), let state = running[id],
            let target = state.flows[flow], let part = state.transfer?.parts.first(where: { $0.flow == flow })
        else { return }
        calendar.add(.arrived(state.attempt, target: target), at: now + part.latency)
    }

    private func watchNetwork() {
        networkVersion += 1
        if let end = network.nextEnd() { calendar.add(.network(networkVersion), at: max(now, end)) }
    }

    private func partArrived(_ id: RequestID, target: Int) {
        guard let state = running[id], running[id]?.transfer?.arrived(target) == true else { return }
        take(runs[state.decode].driver.kvComplete(id, stage: target), from: state.decode)
        pump(state.decode)
    }
}
