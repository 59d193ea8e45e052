import Domain
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// What HTTP and the run loop of the gateway share: requests go in here, what happens to them comes out.
final class GatewayService: Sendable {
    /// What HTTP needs to know between events.
    let cluster: ClusterView
    /// Who watches the cluster.
    let events: ClusterEvents
    /// Questions which plan would be made.
    let previews: PlanPreviews
    /// The run loop.
    let shell: ServiceShell<GatewayEvent>
    private let requests: OpenRequests
    private let view: CurrentView
    private let admission: Admission
    /// Most sequences at a time.
    let mostRequests: Int

    /// Makes the service; the shell opens its sockets.
    init(
        configuration: GatewayConfiguration, model: ModelDigest, promise: PromisedContext, metrics: GatewayMetrics,
        gateway: JSONValue = .object([]), context: MessagingContext?, logger: Logger
    ) {
        let core = GatewayCore(model: model, limits: configuration.limits, metrics: metrics)
        let (cluster, requests, view) = (ClusterView(), OpenRequests(), CurrentView(core.scheduler))
        (self.cluster, self.requests, self.view) = (cluster, requests, view)
        let events = ClusterEvents(cluster: cluster, metrics: metrics, gateway: gateway)
        self.events = events
        let previews = PlanPreviews()
        self.previews = previews
        mostRequests = configuration.limits.sequences
        let admission = Admission(requests: requests, view: view, mostRequests: mostRequests)
        self.admission = admission
        shell = ServiceShell(
            .gateway, addresses: configuration.addresses, ticks: (.tick, .milliseconds(250)), stop: .after(.stopping),
            capacity: 4096, context: context, logger: logger
        ) { sockets in
            let inbox = sockets.inbox
            let tokens = try await sockets.server(.tokens) { server, message in
                if let event = GatewayDesk.tokensEvent(message) {
                    await inbox.send(event)
                } else if message.type != .tokensEmitted, message.type != .promptScored {
                    await server.replyUnknownType(to: message)
                }
            }
            let control = try await sockets.client(.control) { await inbox.send(GatewayDesk.controlEvent($0)) }
            try await sockets.subscriber(.state, .schedulerState, as: SchedulerState.self) { body, message in
                let (epoch, session) = (message.envelope.epoch, message.envelope.session)
                cluster.scheduler(message.header.body, body, epoch: epoch, session: session)
                await inbox.send(.schedulerState(body, session: message.envelope.session))
            }
            try await sockets.followFleet { fleet, message in cluster.fleet(message.header.body, fleet) }
            let steps = StepFeed(events: events, cluster: cluster, sockets: sockets)
            sockets.run { await steps.run() }
            sockets.run { await previews.run(sockets) }
            let announced = try await sockets.addresses.announced(
                configuration.announce ?? tokens.endpoint, towards: .control)
            logger.info("tokens are announced as \(announced)")
            return GatewayDesk(
                core: core, control: control, announced: announced, acceptTimeout: configuration.acceptTimeout,
                requests: requests, view: view, promise: promise,
                lookout: Lookout(events: events, admission: admission), inbox: inbox, logger: logger)
        }
    }

    /// Seconds of a clock that only grows.
    var now: Double { shell.now }

    /// Why a request would not be served now; `nil` where it would.
    var obstacle: String? { admission.obstacle(at: now) }

    /// Why the next request would not be served, because of those that there are as well; `nil` where it would.
    var nextObstacle: String? { admission.nextObstacle(at: now) }

    /// Sequences that clients wait for.
    var openRequests: Int { requests.count }

    /// Their names.
    var openNames: [RequestID] { requests.ids }

    /// From now on new requests are refused; what runs goes on.
    func startDraining() { admission.startDraining() }

    /// Waits a moment for the first state of the scheduler: a gateway that has just started would refuse what it could
    /// serve at once. Where there is no scheduler nobody waits for long.
    func awaitFirstState() async {
        let end = now + Self.firstStateSeconds
        while obstacle != nil, view.value.state == nil, now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The state is published every second.
    private static let firstStateSeconds = 2.0

    /// Where the tokens socket is bound, once it is.
    var tokensEndpoint: String? { shell.bound[.tokens] }

    /// Starts sequences; what happens to them comes out of the group. Refusals come out of it too.
    ///
    /// - Parameter name: what the answer is called; its sequences are told apart by a number behind it.
    func open(_ demands: [SequenceDemand], name: String, text: () -> any TokenText) -> RequestGroup {
        let ids = demands.indices.map { RequestID("\(name)-\($0)") }
        let group = RequestGroup(ids: ids) { [requests, inbox = shell.inbox] id in
            requests.remove(id)
            inbox.push(.abandoned(id))
        }
        var streams: [RequestID: SequenceStream] = [:]
        for (id, demand) in zip(ids, demands) { streams[id] = SequenceStream(demand, text: text()) }
        requests.insert(group, ids)
        shell.inbox.push(.opened(streams))
        return group
    }

    /// Ends the sequences of an answer: all of its choices, or the one that is named with its number.
    ///
    /// - Parameter name: an answer's id, as its client sees it or without what stands before the first dash.
    /// - Returns: how many there were.
    func cancel(named name: String) -> Int {
        var name = name
        for prefix in ["chatcmpl-", "cmpl-", "msg_", "resp_"] where name.hasPrefix(prefix) {
            name.removeFirst(prefix.count)
        }
        guard !name.isEmpty else { return 0 }
        let ids = requests.ids(named: name)
        for id in ids { shell.inbox.push(.cancelled(id)) }
        return ids.count
    }

    /// Has those who watch the cluster told what is new.
    func lookAround() { Lookout(events: events, admission: admission).look(at: now) }

    /// Fails what still runs, with an error that tells the client so, and ends the streams of those who watch.
    func failAll() {
        shell.inbox.push(.stopping)
        events.close()
    }
}
