import CostModel
import Logging
import Messaging
import Planning
import Protocol
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The partitioner's run loop: messages and finished computations go through one queue into the core.
final class PartitionerService: Service {
    private enum Input: Sendable {
        case message(WireMessage)
        case event(PartitionerEvent)
    }

    private let configuration: PartitionerConfiguration
    private let context: MessagingContext
    private let logger: Logger
    private let session = Session()
    private let queue = EventQueue<Input>(capacity: 64)
    private let bound = Mutex<String?>(nil)

    /// Makes the service; `run` opens its socket.
    init(configuration: PartitionerConfiguration, context: MessagingContext, logger: Logger) {
        self.configuration = configuration
        self.context = context
        self.logger = logger
    }

    /// Where the ROUTER is bound, once it is.
    var endpoint: String? { bound.withLock { $0 } }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let thread = try context.makeThread(name: "partitioner")
        let queue = queue
        let endpoints = try await PartitionerEndpoints.open(configuration, on: thread, session: session) {
            await queue.send(.message($0))
        }
        bound.withLock { $0 = endpoints.partition.endpoint }
        logger.info("answers at \(endpoints.partition.endpoint)")
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await loop(endpoints)
            } onCancel: {
                queue.close()
            }
        } onGracefulShutdown: {
            queue.close()
        }
        await endpoints.close()
        logger.info("stopped")
    }

    private func loop(_ endpoints: PartitionerEndpoints) async {
        var core = PartitionerCore(parallel: configuration.parallel, queueLimit: configuration.queueLimit)
        var open: [Ticket: WireMessage] = [:]
        var lastTicket: Ticket = 0
        while let input = await queue.next() {
            let event: PartitionerEvent
            switch input {
            case .event(let own): event = own
            case .message(let message):
                guard message.type == .partitionSolve else {
                    await endpoints.partition.replyUnknownType(to: message)
                    continue
                }
                do {
                    let problem = try message.body(as: PartitionProblem.self)
                    lastTicket += 1
                    open[lastTicket] = message
                    event = .asked(lastTicket, problem)
                } catch {
                    try? await endpoints.partition.reply(to: message, error: error.body)
                    continue
                }
            }
            for instruction in core.handle(event) { await perform(instruction, endpoints, &open) }
        }
    }

    private func perform(
        _ instruction: PartitionerInstruction, _ endpoints: PartitionerEndpoints, _ open: inout [Ticket: WireMessage]
    ) async {
        switch instruction {
        case .solve(let ticket, let cost, let queries):
            let limit = configuration.solveSeconds
            // Detached and of low priority: computing must not hold up the run loop.
            Task.detached(priority: .utility) { [queue] in
                let result = await PartitionerService.solve(Partitioner(cost: cost), queries, seconds: limit)
                queue.push(.event(.solved(ticket, result)))
            }
        case .answer(let ticket, let answers):
            guard let message = open.removeValue(forKey: ticket) else { return }
            let body = PartitionSolution(answers: answers)
            try? await endpoints.partition.reply(to: message, Outgoing(.partitionSolution, body: body))
        case .refuse(let ticket, let error):
            guard let message = open.removeValue(forKey: ticket) else { return }
            logger.notice("a message is refused: \(error.message)")
            try? await endpoints.partition.reply(to: message, error: error)
        }
    }

    /// Answers queries one by one and lets other tasks run in between.
    @concurrent
    private static func solve(
        _ partitioner: Partitioner, _ queries: [PartitionQuery], seconds: Double
    ) async -> Result<[PartitionAnswer], Refusal> {
        let start = ContinuousClock.now
        var answers: [PartitionAnswer] = []
        answers.reserveCapacity(queries.count)
        for query in queries {
            answers.append(partitioner.answer(query))
            guard ContinuousClock.now - start < .seconds(seconds) else {
                let done = "\(answers.count) of \(queries.count) queries took longer than \(seconds) s"
                return .failure(Refusal(body: ErrorBody(code: "timed_out", message: done, retriable: true)))
            }
            await Task.yield()
        }
        return .success(answers)
    }
}
