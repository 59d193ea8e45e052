import Domain
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The gateway's run loop: everything that happens goes through one queue into the core, what the core wants is done here.
final class GatewayService: Service {
    /// What HTTP needs to know between events.
    let cluster = ClusterView()
    private let configuration: GatewayConfiguration
    private let promise: PromisedContext
    private let queue = EventQueue<GatewayEvent>(capacity: 4096)
    private let context: MessagingContext
    private let session = Session()
    private let logger: Logger
    private let initialCore: GatewayCore
    private let groups = Mutex<[RequestID: WeakGroup]>([:])
    private let view: Mutex<SchedulerView>
    private let boundTokens = Mutex<String?>(nil)
    private let started = ContinuousClock.now

    private struct WeakGroup {
        weak var group: RequestGroup?
    }

    /// Makes the service; `run` opens its sockets.
    init(
        configuration: GatewayConfiguration, model: ModelDigest, promise: PromisedContext, metrics: GatewayMetrics,
        context: MessagingContext, logger: Logger
    ) {
        self.promise = promise
        self.configuration = configuration
        self.context = context
        self.logger = logger
        initialCore = GatewayCore(model: model, limits: configuration.limits, metrics: metrics)
        view = Mutex(initialCore.scheduler)
    }

    /// Seconds of a clock that only grows.
    var now: Double { (ContinuousClock.now - started) / .seconds(1) }

    /// Why a request would not be served now; `nil` where it would.
    var obstacle: String? {
        let now = now
        return view.withLock { $0.obstacle(at: now) }
    }

    /// Where the tokens socket is bound, once it is.
    var tokensEndpoint: String? { boundTokens.withLock { $0 } }

    /// Starts sequences; what happens to them comes out of the group. Refusals come out of it too.
    func open(_ demands: [SequenceDemand], text: () -> any TokenText) -> RequestGroup {
        let name = Session.randomName(bytes: 12)
        let ids = demands.indices.map { RequestID("\(name)-\($0)") }
        let group = RequestGroup(ids: ids) { [weak self] id in
            self?.groups.withLock { $0[id] = nil }
            self?.queue.push(.abandoned(id))
        }
        var streams: [RequestID: RequestStream] = [:]
        for (id, demand) in zip(ids, demands) { streams[id] = RequestStream(demand, text: text()) }
        groups.withLock { groups in
            for id in ids { groups[id] = WeakGroup(group: group) }
        }
        queue.push(.opened(streams))
        return group
    }

    /// Fails what still runs, with an error that tells the client so.
    func failAll() { queue.push(.stopping) }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let thread = try context.makeThread(name: "gateway")
        let endpoints = try await GatewayEndpoints.open(
            configuration, on: thread, session: session, queue: queue, cluster: cluster)
        boundTokens.withLock { $0 = endpoints.tokens.endpoint }
        logger.info("tokens arrive at \(endpoints.tokens.endpoint), announced as \(endpoints.announced)")
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    group.addTask { await self.fetchFleet(endpoints) }
                    await self.loop(endpoints, &group)
                    group.cancelAll()
                }
            } onCancel: {
                queue.close()
            }
        } onGracefulShutdown: {
            self.queue.push(.stopping)
            self.queue.close()
        }
        await endpoints.close()
    }

    private func loop(_ endpoints: GatewayEndpoints, _ group: inout DiscardingTaskGroup) async {
        var core = initialCore
        while let event = await queue.next() {
            for instruction in core.handle(event, at: now) { perform(instruction, endpoints, &group) }
            view.withLock { $0 = core.scheduler }
            if case .schedulerState(let state, _) = event { promise.set(state.contextTokens) }
        }
    }

    private func perform(
        _ instruction: GatewayInstruction, _ endpoints: GatewayEndpoints, _ group: inout DiscardingTaskGroup
    ) {
        switch instruction {
        case .submit(let submission):
            group.addTask { await self.submit(submission, endpoints) }
        case .cancel(let id):
            if !endpoints.control.trySend(Outgoing(.requestCancel, request: id)) {
                // The next heartbeat does not list it, so the scheduler cancels it then.
                logger.warning("a cancellation could not be sent", metadata: ["request": "\(id)"])
            }
        case .heartbeat(let requests):
            _ = endpoints.control.trySend(
                Outgoing(
                    .gatewayHeartbeat, body: GatewayHeartbeat(endpoint: endpoints.announced, requests: requests)))
        case .deliver(let id, let output):
            let group = groups.withLock { groups in
                let group = groups[id]?.group
                switch output {
                case .ended, .failed: groups[id] = nil
                case .accepted, .text: break
                }
                return group
            }
            group?.deliver(output, from: id)
            if case .failed(let error) = output {
                logger.notice("a request failed: \(error.message)", metadata: ["request": "\(id)"])
            }
        }
    }

    private func submit(_ submission: Submission, _ endpoints: GatewayEndpoints) async {
        let body = SubmitRequest(
            generatedTokens: submission.generatedTokens, sampling: submission.sampling, stop: submission.stop,
            gatewayEndpoint: endpoints.announced, tokenCount: submission.tokens.count)
        let message = Outgoing(
            .requestSubmit, request: submission.id, body: body, tensors: [Frame(elements: submission.tokens)])
        do {
            let reply = try await endpoints.control.request(message, timeout: configuration.acceptTimeout)
            let accepted = try reply.body(as: RequestAccepted.self)
            queue.push(.schedulerHeard(session: reply.envelope.session))
            queue.push(.accepted(submission.id, submission: submission.number, accepted))
        } catch {
            let reported = (error as? RuntimeError)?.reported
            let timedOut = (error as? RuntimeError)?.code == .timedOut
            let body =
                reported
                ?? ErrorBody(
                    code: timedOut ? "timed_out" : "unavailable", message: "the scheduler did not answer",
                    retriable: true)
            queue.push(.refused(submission.id, submission: submission.number, body))
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            queue.push(.tick)
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    /// The profiler publishes on changes only: what it published before this process started has to be asked for.
    private func fetchFleet(_ endpoints: GatewayEndpoints) async {
        while !Task.isCancelled, !cluster.hasFleet {
            let reply = try? await endpoints.registry.request(Outgoing(.fleetGet), timeout: .seconds(2))
            if let reply, (try? reply.body(as: Fleet.self)) != nil, !cluster.hasFleet {
                cluster.fleet(reply.header.body)
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
