import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// One worker process: gives the core what happens and does what it says. Decides nothing; computing happens on the
/// compute thread, sending in the links.
final class StageWorker: ServiceDesk {
    let configuration: WorkerConfiguration
    let model: ModelFile
    let description: ModelDescription
    let logger: Logger
    let events: ServiceInbox<WorkerEvent>
    let compute: ComputeThread
    let links: PeerLinks
    let server: ServerSocket
    let scheduler: ClientSocket
    let profiler: ClientSocket
    let snapshotBox: SnapshotBox

    var core: StageCore
    /// Prepare and release messages that have not been answered.
    var tickets: [StageTicket: WireMessage] = [:]
    var lastTicket: StageTicket = 0
    /// Rows that came for steps that are ordered later.
    var heldRows: [UInt64: Frame] = [:]
    /// What the event at hand brought: a message, or what a step gave.
    var message: WireMessage?
    var outcome: StageEngine.Outcome?
    /// Bytes of KV cache that the step or the export at hand gave.
    var exports: [[UInt8]] = []
    /// The step at hand, if it has just been computed.
    var computed: OrderedStep?
    /// Moments of the requests that it handled lately.
    var log: TraceLog
    private let started = ContinuousClock.now
    /// Until when sequences may go on after the process was asked to stop.
    private var leaveBy: Double?

    /// How long a process that was asked to stop waits for its sequences; well below the limit of `ServiceMain`.
    private static let leaveSeconds = 8.0

    init(
        configuration: WorkerConfiguration, model: ModelFile, description: ModelDescription, logger: Logger,
        events: ServiceInbox<WorkerEvent>, compute: ComputeThread, links: PeerLinks, server: ServerSocket,
        scheduler: ClientSocket, profiler: ClientSocket, snapshotBox: SnapshotBox
    ) {
        self.configuration = configuration
        self.model = model
        self.description = description
        self.logger = logger
        self.events = events
        self.compute = compute
        self.links = links
        self.server = server
        self.scheduler = scheduler
        self.profiler = profiler
        self.snapshotBox = snapshotBox
        log = TraceLog(device: configuration.device)
        var limits = StageLimits(
            device: configuration.device, kind: configuration.kind, model: description,
            memoryUsableBytes: configuration.memoryUsableBytes, maxBatchedTokens: configuration.maxBatchedTokens,
            leaseSeconds: Double(configuration.leaseSeconds), kvBlockTokens: KVCache.blockTokens)
        (limits.batching, limits.largestBatch) = (configuration.batching, configuration.largestBatch)
        core = StageCore(limits)
        core.waitingBytes = links.waitingBytes
    }

    /// Seconds of a clock that only grows.
    private var now: Double { (ContinuousClock.now - started) / .seconds(1) }

    /// Handles one event.
    func handle(_ event: WorkerEvent, at _: Double, _: inout DiscardingTaskGroup) async {
        switch event {
        case .control(let message): take(message) { try self.controlEvent(message) }
        case .data(let message): take(message) { try self.dataEvent(message) }
        case .registry(let message): await handleRegistry(message)
        case .computed(let step, .success(let timed)):
            note(step, timed)
            computed = step
            outcome = timed.outcome
            exports = timed.outcome.exports
            perform(.computed(order: step.order.id, timed.outcome.step))
            computed = nil
            outcome = nil
            exports = []
        case .computed(let step, .failure(let error)):
            perform(.computeFailed(order: step.order.id, Fault(error)))
        case .exported(let order, .success(let exported)):
            exports = exported.bytes
            perform(.exported(order: order, exported.pieces))
            exports = []
        case .exported(let order, .failure(let error)): perform(.exportFailed(order: order, Fault(error)))
        case .core(let event): perform(event)
        case .leave:
            leaveBy = now + Self.leaveSeconds
            if core.hasSequences { _ = scheduler.trySend(Outgoing(.workerLeave)) }
        case .tick:
            for (endpoint, requests) in links.takeStalled() {
                let address = KeyedEndpoint(endpoint).address
                Task { [logger] in
                    let reason = await PeerProblem.reason(address)
                    logger.warning("\(address) takes nothing any more (\(reason)); what goes over it is given up")
                }
                perform(.peerLost(endpoint: endpoint, requests: requests))
            }
            links.closeIdle(longerThan: .seconds(120))
            perform(.tick)
        }
        snapshotBox.set(core.summary)
        if let leaveBy, !core.hasSequences || now >= leaveBy { events.close() }
    }

    var trace: TraceLog? { log }

    var figures: [ServiceFigure] {
        let now = core.summary
        func counter(_ name: String, _ help: String, _ value: Double) -> ServiceFigure {
            ServiceFigure(name, help, kind: .counter, value)
        }
        return [
            ServiceFigure("stages", "Stages that are served.", Double(now.stages.count)),
            ServiceFigure("sequences_running", "Sequences that run.", Double(now.load.running)),
            ServiceFigure("sequences_waiting", "Sequences that wait.", Double(now.load.waiting)),
            ServiceFigure("kv_tokens_reserved", "Tokens of KV cache that are reserved.", Double(now.load.kvUsedTokens)),
            counter("prefill_tokens_total", "Prompt tokens computed.", Double(now.load.counters.prefillTokens)),
            counter("prefill_seconds_total", "Seconds of steps with prompts.", now.load.counters.prefillSeconds),
            counter("decode_rows_total", "Decode rows computed.", Double(now.load.counters.decodeRows)),
            counter("guessed_tokens_total", "Tokens guessed.", Double(now.load.counters.guessedTokens)),
            counter("accepted_tokens_total", "Guesses that were right.", Double(now.load.counters.acceptedTokens)),
            counter("decode_steps_total", "Steps without prompts.", Double(now.load.counters.decodeSteps)),
            counter("decode_seconds_total", "Seconds of steps without prompts.", now.load.counters.decodeSeconds),
            counter(
                "kv_transfer_bytes_total", "Bytes of KV cache sent and received.",
                Double(now.load.counters.kvTransferBytes)),
        ]
    }

    /// Says good-bye and lets the compute thread end.
    func finish() async {
        try? await profiler.send(
            Outgoing(
                .deviceLeave,
                body: DeviceHeartbeat(
                    device: configuration.device, worker: configuration.kind, residentBytes: 0)))
        await compute.stop()
        await links.close()
    }

    /// Reads a message and has the core take it; what cannot be read is answered with an error.
    private func take(_ message: WireMessage, _ read: () throws -> StageEvent?) {
        self.message = message
        defer { self.message = nil }
        do {
            if let event = try read() {
                note(event, in: message)
                perform(event)
            }
        } catch {
            refuse(message, Fault(error))
        }
    }

    private func perform(_ event: StageEvent) {
        for instruction in core.handle(event, at: now) { perform(instruction) }
    }

    /// Answers a message with an error, on the socket that it came from.
    func refuse(_ message: WireMessage, _ refusal: Fault) {
        logger.warning("\(message.type) refused: \(refusal)")
        if message.type == .requestStart, let request = message.envelope.request {
            return report(RequestReport(request, .failed(refusal)), epoch: message.envelope.epoch ?? 0)
        }
        reply(to: message, error: refusal)
    }

    /// Sends without waiting: a peer that does not read must not hold up the run loop.
    func reply(to message: WireMessage, _ answer: Outgoing) {
        if message.peer != nil {
            _ = server.tryReply(to: message, answer)
        } else {
            _ = scheduler.tryReply(to: message, answer)
        }
    }

    private func reply(to message: WireMessage, error: Fault) {
        if message.peer != nil {
            _ = server.tryReply(to: message, error: error)
        } else {
            _ = scheduler.tryReply(to: message, error: error)
        }
    }

    /// Tells the scheduler what happened to a request.
    func report(_ report: RequestReport, epoch: Epoch) {
        let event = Outgoing(.requestEvent, request: report.request, epoch: epoch, body: report.event)
        if !scheduler.trySend(event) {
            logger.warning("the scheduler's queue is full: what happened to \(report.request) is not reported")
        }
    }
}
