import Domain
import Logging
import Protocol
import Scheduling
import ServiceRuntime

/// Performs instructions: looks up peers, builds messages, keeps the submissions that are not routed yet.
struct SchedulerDesk {
    let endpoints: SchedulerEndpoints
    let peers: PeerTable
    let queue: EventQueue<SchedulerInput>
    let configuration: SchedulerConfiguration
    let logger: Logger
    /// Submissions that wait for an answer, by request.
    private var submissions: [RequestID: WireMessage] = [:]
    /// The message of the event at hand, which hellos and heartbeats are answered to.
    private var current: WireMessage?

    init(
        endpoints: SchedulerEndpoints, peers: PeerTable, queue: EventQueue<SchedulerInput>,
        configuration: SchedulerConfiguration, logger: Logger
    ) {
        self.endpoints = endpoints
        self.peers = peers
        self.queue = queue
        self.configuration = configuration
        self.logger = logger
    }

    /// Called before the core sees an event.
    mutating func receive(_ event: SchedulerEvent, _ message: WireMessage?) {
        current = message
        if case .submitted(let request) = event { submissions[request.id] = message }
    }

    /// Does what the core wants.
    mutating func perform(
        _ instruction: SchedulerInstruction, _ snapshot: (Double) -> SchedulerSnapshot, at now: Double,
        _ group: inout DiscardingTaskGroup
    ) async {
        switch instruction {
        case .welcome:
            await answer(
                Outgoing(
                    .workerWelcome,
                    body: WorkerWelcome(heartbeatMilliseconds: configuration.heartbeatMilliseconds)))
        case .acknowledgeHeartbeat: await answer(Outgoing(.workerHeartbeat))
        case .refuseHeartbeat:
            guard let current else { return }
            let error = ErrorBody(code: "unknown_worker", message: "say hello first", retriable: true)
            try? await endpoints.control.reply(to: current, error: error)
        case .prepare(let address, let stage, let epoch): prepare(address, stage, epoch, &group)
        case .release(let address, let replica, let epoch, let layers):
            release(address, StageRelease(replica: replica, keepLayers: layers), epoch, &group)
        case .start(let routed): await start(routed)
        case .confirm(let routed):
            guard let submission = submissions.removeValue(forKey: routed.request) else { return }
            try? await endpoints.control.reply(to: submission, Outgoing(.requestAccepted, body: routed.accepted))
        case .refuse(let id, _, let fault):
            guard let submission = submissions.removeValue(forKey: id) else { return }
            try? await endpoints.control.reply(to: submission, error: fault.body)
        case .lose(let id, let gateway, let fault):
            guard let peer = peers.peer(gateway: gateway) else { return }
            try? await endpoints.control.send(Outgoing(.requestLost, request: id, body: fault.body), to: peer)
        case .relay(let report, let gateway):
            guard let event = report.event, let peer = peers.peer(gateway: gateway) else { return }
            try? await endpoints.control.send(Outgoing(.requestEvent, request: report.request, body: event), to: peer)
        case .cancel(let id, let address):
            guard let peer = peers.peer(address) else { return }
            try? await endpoints.control.send(Outgoing(.requestCancel, request: id), to: peer)
        case .requestPlan(let question): ask(question, &group)
        case .publishState:
            let state = snapshot(now)
            endpoints.state.publish(Outgoing(.schedulerState, epoch: state.epoch, body: state.body))
        case .publishWorkload(let workload):
            endpoints.state.publish(Outgoing(.workloadStatistics, body: workload))
        case .note(let text): logger.info("\(text)")
        }
    }

    private func answer(_ message: Outgoing) async {
        guard let current else { return }
        try? await endpoints.control.reply(to: current, message)
    }

    /// First the first stage, then the gateway: what is accepted has been handed over.
    private mutating func start(_ routed: RoutedRequest) async {
        guard let submission = submissions.removeValue(forKey: routed.request) else { return }
        do {
            guard let peer = peers.peer(routed.first) else {
                throw RuntimeError(.closed, "worker \(routed.first) is not connected", isRetriable: true)
            }
            try await endpoints.control.send(try routed.start(submission), to: peer)
            try await endpoints.control.reply(to: submission, Outgoing(.requestAccepted, body: routed.accepted))
        } catch {
            let fault = SchedulingFault(code: "unreachable", message: "\(error)", isRetriable: true)
            try? await endpoints.control.reply(to: submission, error: fault.body)
            queue.push(.event(.cancelled(routed.request), nil))
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
        failed: @escaping @Sendable (SchedulingFault) -> SchedulerEvent?
    ) {
        guard let peer = peers.peer(address),
            let answer = try? endpoints.control.post(message, to: peer, timeout: .seconds(seconds + 1))
        else { return }
        let queue = queue
        group.addTask {
            do {
                queue.push(.event(try answered(try await answer()), nil))
            } catch {
                if let error = error as? RuntimeError, error.code == .timedOut || error.code == .closed { return }
                if error is CancellationError { return }
                let fault =
                    (error as? RuntimeError)?.reported.map { SchedulingFault($0) }
                    ?? SchedulingFault(code: "failed", message: "\(error)", isRetriable: true)
                if let event = failed(fault) { queue.push(.event(event, nil)) }
            }
        }
    }

    private func ask(_ question: PlanQuestion, _ group: inout DiscardingTaskGroup) {
        let (plan, queue) = (endpoints.plan, queue)
        let timeout = Duration.seconds(configuration.scheduling.planSeconds)
        group.addTask {
            do {
                let reply = try await plan.request(Outgoing(.planRequest, body: question.body), timeout: timeout)
                let proposal: PlanProposal = try reply.body()
                queue.push(.event(.proposal(proposal.plan, reason: proposal.reason, move: proposal.move), nil))
            } catch {
                if error is CancellationError { return }
                let reported = (error as? RuntimeError)?.reported
                let fault =
                    reported.map { SchedulingFault($0) }
                    ?? SchedulingFault(code: "no_plan", message: "the clusterer: \(error)", isRetriable: true)
                queue.push(.event(.planFailed(fault), nil))
            }
        }
    }
}
