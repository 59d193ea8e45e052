import Domain
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The clusterer's run loop: requests, publications and finished searches go through one queue into the core.
final class ClustererService: Service {
    /// Where the sockets are bound, with real ports.
    struct Bound: Sendable {
        var plan: String
        var proposals: String
    }

    private let configuration: ClustererConfiguration
    private let context: MessagingContext
    private let logger: Logger
    private let session = Session()
    private let queue = EventQueue<ClustererEndpoints.Input>(capacity: 256)
    private let boundEndpoints = Mutex<Bound?>(nil)
    private let started = ContinuousClock.now

    /// Makes the service; `run` opens its sockets.
    init(configuration: ClustererConfiguration, context: MessagingContext, logger: Logger) {
        self.configuration = configuration
        self.context = context
        self.logger = logger
    }

    /// Where the sockets are bound, once they are.
    var bound: Bound? { boundEndpoints.withLock { $0 } }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let thread = try context.makeThread(name: "clusterer")
        let endpoints = try await ClustererEndpoints.open(configuration, on: thread, session: session, queue: queue)
        boundEndpoints.withLock {
            $0 = Bound(plan: endpoints.plan.endpoint, proposals: endpoints.proposals.endpoint)
        }
        logger.info("answers at \(endpoints.plan.endpoint), publishes at \(endpoints.proposals.endpoint)")
        let queue = queue
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    await self.loop(endpoints, &group)
                    group.cancelAll()
                }
            } onCancel: {
                queue.close()
            }
        } onGracefulShutdown: {
            queue.close()
        }
        await endpoints.close()
        logger.info("stopped")
    }

    private func loop(_ endpoints: ClustererEndpoints, _ group: inout DiscardingTaskGroup) async {
        var core = ClustererCore(configuration)
        var open: [Ticket: WireMessage] = [:]
        var lastTicket: Ticket = 0
        while let input = await queue.next() {
            let event: ClustererEvent
            switch input {
            case .event(let own): event = own
            case .message(let message):
                guard message.type == .planRequest else {
                    await endpoints.plan.replyUnknownType(to: message)
                    continue
                }
                do {
                    let request = try message.body(as: PlanRequest.self)
                    logger.info("a plan is wanted: \(request.reason)")
                    lastTicket += 1
                    open[lastTicket] = message
                    event = .requested(lastTicket, request)
                } catch {
                    try? await endpoints.plan.reply(to: message, error: error.body)
                    continue
                }
            }
            for instruction in core.handle(event, at: (ContinuousClock.now - started) / .seconds(1)) {
                await perform(instruction, endpoints, &open, &group)
            }
        }
    }

    private func perform(
        _ instruction: ClustererInstruction, _ endpoints: ClustererEndpoints, _ open: inout [Ticket: WireMessage],
        _ group: inout DiscardingTaskGroup
    ) async {
        switch instruction {
        case .search(let id, let order):
            let search = PlanSearch(order: order)
            let source = RemotePartitioner(socket: endpoints.partition, limits: configuration.partitioner)
            group.addTask(priority: .utility) { [queue] in
                let result: Result<SearchOutcome, Refusal>
                do throws(Refusal) {
                    result = .success(try await search.run(source))
                } catch {
                    result = .failure(error)
                }
                queue.push(.event(.searched(id, result)))
            }
        case .propose(let ticket, let proposal):
            guard let message = open.removeValue(forKey: ticket) else { return }
            try? await endpoints.plan.reply(to: message, Outgoing(.planProposal, body: proposal))
        case .refuse(let ticket, let error):
            guard let message = open.removeValue(forKey: ticket) else { return }
            logger.notice("no plan: \(error.message)", metadata: ["code": "\(error.code)"])
            try? await endpoints.plan.reply(to: message, error: error)
        case .publish(let proposal):
            let plan = proposal.plan
            let rate = (plan.predictedRequestsPerSecond * 100).rounded() / 100
            let what = proposal.move.map { $0.replaces ? "moves: \($0.reason)" : "stays: \($0.reason)" } ?? "new"
            logger.info(
                "plan \(plan.id) (\(what)): \(plan.replicas.count) replicas, \(rate) requests/s predicted",
                metadata: ["seconds": "\(proposal.searchSeconds)"])
            endpoints.proposals.publish(Outgoing(.planProposal, body: proposal))
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            queue.push(.event(.tick))
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}
