import Domain
import Logging
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// Gives the core what happens and does what it wants.
struct GatewayDesk: ServiceDesk, Sendable {
    private var core: GatewayCore
    /// DEALER to the scheduler: requests, cancellations, heartbeats.
    private let control: ClientSocket
    /// What the workers are told to send tokens to.
    private let announced: String
    private let acceptTimeout: Duration
    private let requests: OpenRequests
    private let view: CurrentView
    private let promise: PromisedContext
    private var lookout: Lookout
    private let inbox: ServiceInbox<GatewayEvent>
    private let logger: Logger
    /// Moments of the requests that it handled lately.
    private var log = TraceLog()

    init(
        core: GatewayCore, control: ClientSocket, announced: String, acceptTimeout: Duration, requests: OpenRequests,
        view: CurrentView, promise: PromisedContext, lookout: Lookout, inbox: ServiceInbox<GatewayEvent>,
        logger: Logger
    ) {
        self.core = core
        self.control = control
        self.announced = announced
        self.acceptTimeout = acceptTimeout
        self.requests = requests
        self.view = view
        self.promise = promise
        self.lookout = lookout
        self.inbox = inbox
        self.logger = logger
    }

    mutating func handle(_ event: GatewayEvent, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
        log.note(event)
        for instruction in core.handle(event, at: now) {
            log.note(instruction)
            perform(instruction, &tasks)
        }
        view.value = core.scheduler
        if case .tick = event { lookAround(at: now, &tasks) }
        if case .schedulerState(let state, _) = event, state.plan != nil { promise.set(state.contextTokens) }
    }

    /// Comparing and telling takes milliseconds where somebody watches, so the run loop does not wait for it.
    private mutating func lookAround(at now: Double, _ tasks: inout DiscardingTaskGroup) {
        guard lookout.isDue(at: now) else { return }
        guard lookout.events.isWatched else { return lookout.look(at: now) }
        lookout.events.take(core.courses)
        tasks.addTask(executorPreference: globalConcurrentExecutor) { [lookout] in lookout.look(at: now) }
    }

    var trace: TraceLog? { log }

    var isAtRest: Bool { core.count == 0 && !lookout.events.isWatched }

    var figures: [ServiceFigure] {
        [ServiceFigure("requests_open", "Sequences that clients wait for.", Double(requests.count))]
    }

    private func perform(
        _ instruction: GatewayInstruction, _ tasks: inout DiscardingTaskGroup
    ) {
        switch instruction {
        case .submit(let submission):
            tasks.addTask { [self] in await submit(submission) }
        case .cancel(let id):
            if !control.trySend(Outgoing(.requestCancel, request: id)) {
                // The next heartbeat does not list it, so the scheduler cancels it then.
                logger.warning("a cancellation could not be sent", metadata: ["request": "\(id)"])
            }
        case .heartbeat(let requests):
            _ = control.trySend(
                Outgoing(
                    .gatewayHeartbeat, body: GatewayHeartbeat(endpoint: announced, requests: requests)))
        case .deliver(let id, let output):
            let group = requests.group(id)
            switch output {
            case .ended, .failed: requests.remove(id)
            case .accepted, .text, .prompt: break
            }
            group?.deliver(output, from: id)
            if case .failed(let error) = output {
                logger.notice("a request failed: \(error.message)", metadata: ["request": "\(id)"])
            }
        }
    }

    private func submit(_ submission: Submission) async {
        let body = SubmitRequest(
            generatedTokens: submission.generatedTokens, sampling: submission.sampling, stop: submission.stop,
            gatewayEndpoint: announced, cacheSalt: submission.cacheSalt, constraint: submission.constraint,
            tokenCount: submission.tokens.count)
        let message = Outgoing(
            .requestSubmit, request: submission.id, deadline: acceptTimeout - min(.seconds(2), acceptTimeout / 2),
            body: body, tensors: [Frame(elements: submission.tokens)])
        do {
            let reply = try await control.request(message, timeout: acceptTimeout)
            let accepted = try reply.body(as: RequestAccepted.self)
            inbox.push(.schedulerHeard(session: reply.envelope.session))
            inbox.push(.accepted(submission.id, submission: submission.number, accepted))
        } catch {
            let reported = (error as? RuntimeError)?.reported
            let timedOut = (error as? RuntimeError)?.code == .timedOut
            let body =
                reported
                ?? Fault(timedOut ? "timed_out" : "unavailable", "the scheduler did not answer", isRetriable: true)
            inbox.push(.refused(submission.id, submission: submission.number, body))
        }
    }

    static func tokensEvent(_ message: WireMessage) -> GatewayEvent? {
        if message.type == .promptScored { return promptEvent(message) }
        guard message.type == .tokensEmitted, let request = message.envelope.request,
            let body = try? message.body(as: TokensEmitted.self),
            let index = message.envelope.seq.flatMap({ Int(exactly: $0) }), index <= Int32.max
        else { return nil }
        var scores: [TokenLikelihood] = []
        if body.tensors != nil {
            guard let read = try? ScoreTensors.read(message, count: body.tokens.count) else { return nil }
            scores = read
        }
        return .tokens(
            request, index: index, body.tokens, body.finishReason, cached: body.cachedTokens,
            guessed: body.guessedTokens, scores: scores)
    }

    private static func promptEvent(_ message: WireMessage) -> GatewayEvent? {
        guard let request = message.envelope.request, let body = try? message.body(as: PromptScored.self),
            body.start >= 1, body.start <= Int32.max, let scores = try? ScoreTensors.read(message)
        else { return nil }
        return .promptScored(request, start: body.start, scores)
    }

    static func controlEvent(_ message: WireMessage) -> GatewayEvent {
        if message.type == .requestLost, let request = message.envelope.request,
            let body = try? message.body(as: Fault.self)
        {
            return .lost(request, body)
        }
        if message.type == .requestEvent, let request = message.envelope.request,
            let body = try? message.body(as: RequestEvent.self)
        {
            return .moment(request, body.moment)
        }
        if message.type == .requestMoved, let request = message.envelope.request,
            let body = try? message.body(as: RequestMoved.self)
        {
            return .moved(request, body)
        }
        return .schedulerHeard(session: message.envelope.session)
    }
}

/// The sequences that clients wait for; HTTP and the run loop share it.
final class OpenRequests: Sendable {
    private struct WeakGroup {
        weak var group: RequestGroup?
    }

    private let groups = Mutex<[RequestID: WeakGroup]>([:])

    var count: Int { groups.withLock { $0.count } }
    var ids: [RequestID] { groups.withLock { $0.keys.sorted() } }
    func insert(_ group: RequestGroup, _ ids: [RequestID]) {
        groups.withLock { groups in
            for id in ids { groups[id] = WeakGroup(group: group) }
        }
    }
    func remove(_ id: RequestID) { groups.withLock { $0[id] = nil } }
    func ids(named name: String) -> [RequestID] {
        groups.withLock { $0.keys.filter { TraceQuestion.names(name, $0) } }
    }
    func group(_ id: RequestID) -> RequestGroup? { groups.withLock { $0[id]?.group } }
}

/// What the gateway knows of the scheduler, for HTTP.
final class CurrentView: Sendable {
    private let view: Mutex<SchedulerView>

    init(_ view: SchedulerView) { self.view = Mutex(view) }

    var value: SchedulerView {
        get { view.withLock { $0 } }
        set { view.withLock { $0 = newValue } }
    }
}
