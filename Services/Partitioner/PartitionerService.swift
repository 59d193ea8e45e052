import Domain
import Logging
import Messaging
import Planning
import Protocol
import ServiceRuntime

/// The partitioner as `main` runs it and tests start it.
enum PartitionerService {
    /// Makes the service.
    ///
    /// - Parameter context: the root of its sockets; one of its own where absent.
    static func make(
        _ configuration: PartitionerConfiguration, context: MessagingContext? = nil, logger: Logger
    ) -> ServiceShell<PartitionerInput> {
        ServiceShell(
            .partitioner, addresses: configuration.addresses, capacity: 256, context: context, logger: logger
        ) { sockets in
            let inbox = sockets.inbox
            let partition = try await sockets.server(.partition) { await inbox.send(.message($1)) }
            return PartitionerDesk(configuration, partition, inbox, logger)
        }
    }
}

/// What the run loop takes.
enum PartitionerInput: Sendable {
    case message(WireMessage)
    case event(PartitionerEvent)
}

/// Gives the core what arrives and does what it wants.
struct PartitionerDesk: ServiceDesk {
    private let configuration: PartitionerConfiguration
    private let partition: ServerSocket
    private let inbox: ServiceInbox<PartitionerInput>
    private let logger: Logger
    private var core: PartitionerCore
    private var open: [PartitionTicket: WireMessage] = [:]
    private var lastTicket: PartitionTicket = 0

    init(
        _ configuration: PartitionerConfiguration, _ partition: ServerSocket, _ inbox: ServiceInbox<PartitionerInput>,
        _ logger: Logger
    ) {
        self.configuration = configuration
        self.partition = partition
        self.inbox = inbox
        self.logger = logger
        core = PartitionerCore(parallel: configuration.parallel, queueLimit: configuration.queueLimit)
    }

    var figures: [ServiceFigure] {
        [ServiceFigure("questions_open", "Questions that run or wait.", Double(open.count))]
    }

    mutating func handle(_ input: PartitionerInput, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
        let event: PartitionerEvent
        switch input {
        case .event(let own): event = own
        case .message(let message):
            guard message.type == .partitionSolve else {
                await partition.replyUnknownType(to: message)
                return
            }
            do {
                let problem = try message.body(as: PartitionProblem.self)
                lastTicket += 1
                open[lastTicket] = message
                event = .asked(lastTicket, problem)
            } catch {
                try? await partition.reply(to: message, error: error.fault)
                return
            }
        }
        for instruction in core.handle(event) { await perform(instruction) }
    }

    private mutating func perform(
        _ instruction: PartitionerInstruction
    ) async {
        switch instruction {
        case .solve(let ticket, let cost, let queries):
            let limit = configuration.solveSeconds
            // Detached and of low priority: computing must not hold up the run loop.
            Task.detached(priority: .utility) { [inbox] in
                let result = await Self.solve(LayerPartitioner(cost: cost), queries, seconds: limit)
                inbox.push(.event(.solved(ticket, result)))
            }
        case .answer(let ticket, let answers):
            guard let message = open.removeValue(forKey: ticket) else { return }
            let body = PartitionSolution(answers: answers)
            try? await partition.reply(to: message, Outgoing(.partitionSolution, body: body))
        case .refuse(let ticket, let error):
            guard let message = open.removeValue(forKey: ticket) else { return }
            logger.notice("a message is refused: \(error.message)")
            try? await partition.reply(to: message, error: error)
        }
    }

    /// Answers queries one by one and lets other tasks run in between.
    @concurrent
    private static func solve(
        _ partitioner: LayerPartitioner, _ queries: [PartitionQuery], seconds: Double
    ) async -> Result<[PartitionAnswer], Fault> {
        let start = ContinuousClock.now
        var answers: [PartitionAnswer] = []
        answers.reserveCapacity(queries.count)
        for query in queries {
            answers.append(partitioner.answer(query))
            guard ContinuousClock.now - start < .seconds(seconds) else {
                let done = "\(answers.count) of \(queries.count) queries took longer than \(seconds) s"
                return .failure(Fault("timed_out", done, isRetriable: true))
            }
            await Task.yield()
        }
        return .success(answers)
    }
}
