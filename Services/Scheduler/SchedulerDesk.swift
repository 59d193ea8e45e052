import Domain
import Logging
import Protocol
import Scheduling
import ServiceRuntime

/// Gives the core what arrives and performs what it wants: looks up peers, builds messages, keeps the submissions that are not
/// routed yet. Decides nothing.
struct SchedulerDesk: ServiceDesk {
    private var core: SchedulerCore
    /// ROUTER: gateways, workers, command line.
    private let control: ServerSocket
    /// PUB: state, plan in force, workload.
    private let state: StatePublisher
    /// DEALER to the clusterer: plan requests.
    private let plan: ClientSocket
    private let peers: PeerTable
    private let inbox: ServiceInbox<SchedulerInput>
    private let configuration: SchedulerConfiguration
    private let logger: Logger
    /// Submissions that wait for an answer, by request.
    private var submissions: [RequestID: WireMessage] = [:]
    /// The message of the event at hand, which hellos and heartbeats are answered to.
    private var current: WireMessage?
    private var now = 0.0
    /// Moments of the requests that it handled lately.
    private var log = TraceLog()

    init(
        core: SchedulerCore, control: ServerSocket, state: StatePublisher, plan: ClientSocket, peers: PeerTable,
        inbox: ServiceInbox<SchedulerInput>, configuration: SchedulerConfiguration, logger: Logger
    ) {
        self.core = core
        self.control = control
        self.state = state
        self.plan = plan
        self.peers = peers
        self.inbox = inbox
        self.configuration = configuration
        self.logger = logger
    }

    mutating func handle(_ input: SchedulerInput, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
        self.now = now
        switch input {
        case .event(let event, let message):
            current = message
            if case .submitted(let request) = event { submissions[request.id] = message }
            log.note(event, in: message)
            for instruction in core.handle(event, at: now) {
                log.note(instruction)
                await perform(instruction, at: now, &tasks)
            }
        case .stateAsked(let message):
            let snapshot = core.snapshot(at: now)
            try? await control.reply(to: message, Outgoing(.schedulerState, epoch: core.highestEpoch, body: snapshot))
        }
    }

    var trace: TraceLog? { log }

    var isAtRest: Bool { core.isAtRest }

    var figures: [ServiceFigure] {
        let snapshot = core.snapshot(at: now)
        return [
            ServiceFigure("epoch", "The epoch in force.", Double(core.highestEpoch)),
            ServiceFigure(
                "requests_running", "Requests that were routed and have not ended.", Double(snapshot.running)),
            ServiceFigure("requests_waiting", "Requests that wait for a route.", Double(submissions.count)),
            ServiceFigure("replicas", "Replicas that serve, come or go.", Double(snapshot.replicas.count)),
            ServiceFigure(
                "replicas_serving", "Replicas that serve.", Double(snapshot.replicas.count { $0.state == "serving" })),
        ]
    }

    /// Does what the core wants.
    private mutating func perform(
        _ instruction: SchedulerInstruction, at now: Double, _ group: inout DiscardingTaskGroup
    ) async {
        switch instruction {
        case .welcome:
            await answer(
                Outgoing(
                    .workerWelcome,
                    body: WorkerWelcome(
                        heartbeatMilliseconds: configuration.heartbeatMilliseconds,
                        idleHeartbeatMilliseconds: configuration.idleHeartbeatMilliseconds)))
        case .acknowledgeHeartbeat: await answer(Outgoing(.workerHeartbeat))
        case .refuseHeartbeat:
            guard let current else { return }
            let error = Fault("unknown_worker", "say hello first", isRetriable: true)
            try? await control.reply(to: current, error: error)
        case .prepare(let address, let stage, let epoch): prepare(address, stage, epoch, &group)
        case .release(let address, let replica, let epoch, let layers):
            release(address, StageRelease(replica: replica, keepLayers: layers), epoch, &group)
        case .start(let routed): await start(routed)
        case .move(let routed):
            guard let peer = peers.peer(routed.first) else { return }
            try? await control.send(routed.move, to: peer)
        case .moved(let routed):
            guard let peer = peers.peer(gateway: routed.route.gateway) else { return }
            let body = RequestMoved(plan: routed.plan, route: routed.route)
            try? await control.send(Outgoing(.requestMoved, request: routed.request, body: body), to: peer)
        case .confirm(let routed):
            guard let submission = submissions.removeValue(forKey: routed.request) else { return }
            try? await control.reply(to: submission, Outgoing(.requestAccepted, body: routed.accepted))
        case .refuse(let id, _, let fault):
            guard let submission = submissions.removeValue(forKey: id) else { return }
            try? await control.reply(to: submission, error: fault)
        case .lose(let id, let gateway, let fault):
            guard let peer = peers.peer(gateway: gateway) else { return }
            try? await control.send(Outgoing(.requestLost, request: id, body: fault), to: peer)
        case .relay(let report, let gateway):
            guard let peer = peers.peer(gateway: gateway) else { return }
            try? await control.send(Outgoing(.requestEvent, request: report.request, body: report.event), to: peer)
        case .cancel(let id, let address):
            guard let peer = peers.peer(address) else { return }
            try? await control.send(Outgoing(.requestCancel, request: id), to: peer)
        case .requestPlan(let question): ask(question, &group)
        case .publishState:
            let snapshot = core.snapshot(at: now)
            state.publish(Outgoing(.schedulerState, epoch: core.highestEpoch, body: snapshot))
        case .publishWorkload(let workload):
            state.publish(Outgoing(.workloadStatistics, body: workload))
        case .note(let text): logger.info("\(text)")
        }
    }

    private func answer(_ message: Outgoing) async {
        guard let current else { return }
        try? await control.reply(to: current, message)
    }

    /// First the first stage, then the gateway: what is accepted has been handed over.
    private mutating func start(_ routed: RoutedRequest) async {
        guard let submission = submissions.removeValue(forKey: routed.request) else { return }
        do {
            guard let peer = peers.peer(routed.first) else {
                throw RuntimeError(.closed, "worker \(routed.first) is not connected", isRetriable: true)
            }
            try await control.send(try routed.start(submission), to: peer)
            try await control.reply(to: submission, Outgoing(.requestAccepted, body: routed.accepted))
        } catch {
            let fault = Fault("unreachable", "\(error)", isRetriable: true)
            try? await control.reply(to: submission, error: fault)
            inbox.push(.event(.cancelled(routed.request), nil))
        }
    }

    private func prepare(
        _ address: WorkerAddress, _ stage: StageAssignment, _ epoch: Epoch, _ group: inout DiscardingTaskGroup
    ) {
        let message = Outgoing(.stagePrepare, epoch: epoch, body: StagePrepare(assignment: stage))
        request(message, address, seconds: configuration.scheduling.prepareSeconds, &group) { reply in
            let body: StagePrepared = try reply.body()
            return .stagePrepared(
                address, epoch: epoch, kvCapacityTokens: body.kvCapacityTokens, kvBlockTokens: body.kvBlockTokens ?? 1)
        } failed: {
            .stagePrepareFailed(address, epoch: epoch, $0)
        }
    }

    private func release(
        _ address: WorkerAddress, _ body: StageRelease, _ epoch: Epoch, _ group: inout DiscardingTaskGroup
    ) {
        let message = Outgoing(.stageRelease, epoch: epoch, body: body)
        request(message, address, seconds: configuration.scheduling.prepareSeconds, &group) { _ in
            .stageReleased(address, body.replica)
        } failed: { _ in
            nil
        }
    }

    /// Sends, in the order of the calls, and turns the answer into an event. Silence is left to the core's own clock.
    private func request(
        _ message: Outgoing, _ address: WorkerAddress, seconds: Double, _ group: inout DiscardingTaskGroup,
        answered: @escaping @Sendable (WireMessage) throws -> SchedulerEvent,
        failed: @escaping @Sendable (Fault) -> SchedulerEvent?
    ) {
        guard let peer = peers.peer(address),
            let answer = try? control.post(message, to: peer, timeout: .seconds(seconds + 1))
        else { return }
        let inbox = inbox
        group.addTask {
            do {
                inbox.push(.event(try answered(try await answer()), nil))
            } catch {
                if let error = error as? RuntimeError, error.code == .timedOut || error.code == .closed { return }
                if error is CancellationError { return }
                let fault =
                    (error as? RuntimeError)?.reported
                    ?? Fault("failed", "\(error)", isRetriable: true)
                if let event = failed(fault) { inbox.push(.event(event, nil)) }
            }
        }
    }

    private func ask(_ question: PlanRequest, _ group: inout DiscardingTaskGroup) {
        let (plan, inbox) = (plan, inbox)
        let timeout = Duration.seconds(configuration.scheduling.planSeconds)
        group.addTask {
            do {
                let reply = try await plan.request(Outgoing(.planRequest, body: question), timeout: timeout)
                let proposal: PlanProposal = try reply.body()
                inbox.push(.event(.proposal(proposal.plan, reason: proposal.reason, move: proposal.move), nil))
            } catch {
                if error is CancellationError { return }
                let reported = (error as? RuntimeError)?.reported
                let fault =
                    reported
                    ?? Fault("no_plan", "the clusterer: \(error)", isRetriable: true)
                inbox.push(.event(.planFailed(fault), nil))
            }
        }
    }
}
