import Domain
import Logging
import Messaging
import Protocol
import ServiceRuntime

/// The clusterer as `main` runs it and tests start it.
enum ClustererService {
    /// Makes the service.
    ///
    /// - Parameter context: the root of its sockets; one of its own where absent.
    static func make(
        _ configuration: ClustererConfiguration, context: MessagingContext? = nil, logger: Logger
    ) -> ServiceShell<ClustererInput> {
        ServiceShell(
            .clusterer, addresses: configuration.addresses, ticks: (.event(.tick), .milliseconds(500)), capacity: 256,
            context: context, logger: logger
        ) { sockets in
            let inbox = sockets.inbox
            let plan = try await sockets.server(.plan) { await inbox.send(.message($1)) }
            let proposals = try await sockets.publisher(.proposals)
            try await sockets.followFleet { fleet, message in
                await inbox.send(.event(.fleet(fleet, session: message.envelope.session)))
            }
            try await sockets.subscriber(.state, .workloadStatistics, as: WorkloadStatistics.self) { statistics, _ in
                await inbox.send(.event(.workload(statistics)))
            }
            let partition = try await sockets.client(.partition)
            return ClustererDesk(
                configuration, plan: plan, proposals: proposals, partition: partition, inbox: inbox, logger: logger)
        }
    }
}

/// What the run loop takes.
enum ClustererInput: Sendable {
    case message(WireMessage)
    case event(ClustererEvent)
}

/// Gives the core what arrives and does what it wants.
struct ClustererDesk: ServiceDesk {
    private let configuration: ClustererConfiguration
    /// ROUTER: `plan.request`.
    private let plan: ServerSocket
    /// PUB: `plan.proposal`.
    private let proposals: StatePublisher
    /// DEALER to the partitioner.
    private let partition: ClientSocket
    private let inbox: ServiceInbox<ClustererInput>
    private let logger: Logger
    private var core: ClustererCore
    private var open: [PlanTicket: WireMessage] = [:]
    /// Who got the proposal at hand as an answer.
    private var askers: [String] = []
    private var lastTicket: PlanTicket = 0
    private var proposed = 0

    init(
        _ configuration: ClustererConfiguration, plan: ServerSocket, proposals: StatePublisher,
        partition: ClientSocket, inbox: ServiceInbox<ClustererInput>, logger: Logger
    ) {
        self.configuration = configuration
        self.plan = plan
        self.proposals = proposals
        self.partition = partition
        self.inbox = inbox
        self.logger = logger
        core = ClustererCore(configuration)
    }

    var isAtRest: Bool { core.isAtRest }

    var figures: [ServiceFigure] {
        [
            ServiceFigure("questions_open", "Questions for a plan that run or wait.", Double(open.count)),
            ServiceFigure("plans_total", "Plans proposed.", kind: .counter, Double(proposed)),
        ]
    }

    mutating func handle(_ input: ClustererInput, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
        let event: ClustererEvent
        switch input {
        case .event(let own): event = own
        case .message(let message):
            do throws(ProtocolError) {
                guard let question = try question(message) else {
                    await plan.replyUnknownType(to: message)
                    return
                }
                event = question
            } catch {
                try? await plan.reply(to: message, error: error.fault)
                return
            }
        }
        for instruction in core.handle(event, at: now) { await perform(instruction, &tasks) }
    }

    /// What a message asks for, which has a ticket from now on; `nil` where it is none of ours.
    private mutating func question(_ message: WireMessage) throws(ProtocolError) -> ClustererEvent? {
        let event: ClustererEvent
        let ticket = lastTicket + 1
        switch message.type {
        case .planRequest:
            let request = try message.body(as: PlanRequest.self)
            logger.info("a plan is wanted: \(request.reason)")
            event = .requested(ticket, request)
        case .planPreview: event = .previewWanted(ticket, try message.body(as: PlanPreview.self))
        default: return nil
        }
        lastTicket = ticket
        open[ticket] = message
        return event
    }

    private mutating func perform(_ instruction: ClustererInstruction, _ tasks: inout DiscardingTaskGroup) async {
        switch instruction {
        case .search(let id, let order):
            let search = PlanSearch(order: order)
            let source = RemotePartitioner(socket: partition, limits: configuration.partitioner)
            tasks.addTask(executorPreference: globalConcurrentExecutor, priority: .utility) { [inbox] in
                let result: Result<SearchOutcome, Fault>
                do throws(Fault) {
                    result = .success(try await search.run(source))
                } catch {
                    result = .failure(error)
                }
                inbox.push(.event(.searched(id, result)))
            }
        case .preview(let ticket, let order):
            let source = RemotePartitioner(socket: partition, limits: configuration.partitioner)
            tasks.addTask(executorPreference: globalConcurrentExecutor, priority: .utility) { [inbox] in
                let result: Result<PlanPreviewed, Fault>
                do throws(Fault) {
                    result = .success(try await PreviewSearch(order: order).run(source))
                } catch {
                    result = .failure(error)
                }
                inbox.push(.event(.previewed(ticket, result)))
            }
        case .show(let ticket, let previewed):
            guard let message = open.removeValue(forKey: ticket) else { return }
            try? await plan.reply(to: message, Outgoing(.planPreviewed, body: previewed))
        case .propose(let ticket, let proposal):
            guard let message = open.removeValue(forKey: ticket) else { return }
            askers.append(message.envelope.session)
            try? await plan.reply(to: message, Outgoing(.planProposal, body: proposal))
        case .refuse(let ticket, let error):
            guard let message = open.removeValue(forKey: ticket) else { return }
            logger.notice("no plan: \(error.message)", metadata: ["code": "\(error.code)"])
            try? await plan.reply(to: message, error: error)
        case .publish(var proposal):
            proposed += 1
            (proposal.askers, askers) = (askers.isEmpty ? nil : askers, [])
            let found = proposal.plan
            let rate = (found.predictedRequestsPerSecond * 100).rounded() / 100
            let what = proposal.move.map { $0.replaces ? "moves: \($0.reason)" : "stays: \($0.reason)" } ?? "new"
            logger.info(
                "plan \(found.id) (\(what)): \(found.replicas.count) replicas, \(rate) requests/s predicted",
                metadata: ["seconds": "\(proposal.searchSeconds)"])
            proposals.publish(Outgoing(.planProposal, body: proposal))
        }
    }
}
