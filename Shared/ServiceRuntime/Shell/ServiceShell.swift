import Domain
public import Logging
public import Messaging
import Protocol
public import ServiceLifecycle
import Synchronization

/// What every service does alike: opens sockets, puts everything that happens into one queue, has it handled one by one, ticks, says how
/// it is, and stops in order. What is particular to a service is its desk.
public final class ServiceShell<Input: Sendable>: Service {
    /// Opens the sockets of the service and makes what handles its inputs.
    public typealias Start =
        @concurrent @Sendable (ServiceSockets<Input>) async throws -> sending any ServiceDesk<Input>

    /// What happens when the process is asked to stop.
    public enum Stop: Sendable {
        /// What is in the queue is handled, then the run loop ends.
        case atOnce
        /// The service hears of it first.
        case after(Input)
        /// The service hears of it and closes its inbox itself, when it has nothing to do any more.
        case whenReady(Input)
    }

    /// The way into the run loop; usable before `run`.
    public let inbox: ServiceInbox<Input>
    /// The identity of this process on the wire.
    public let session = Session()
    private let name: ServiceName
    private let addresses: Addresses
    private let ticks: (input: Input, every: Duration)?
    private let stop: Stop
    private let context: MessagingContext?
    private let logger: Logger
    private let start: Start
    private let started = ContinuousClock.now
    /// Answers to `trace.get` that are being made.
    private let traces = Mutex(0)
    private static var mostTraces: Int { 4 }
    /// Between ticks where the desk is at rest.
    private static var rest: Duration { .seconds(1) }
    private let isAtRest = Atomic(false)
    private let boundAddresses = Mutex<[EndpointSetting: String]>([:])

    /// Makes a service; `run` opens its sockets.
    ///
    /// - Parameters:
    ///   - ticks: an input that comes again and again, once a second at least.
    ///   - capacity: inputs in the queue from which on senders wait.
    ///   - context: the root of its sockets; one of its own where absent.
    public init(
        _ name: ServiceName, addresses: Addresses, ticks: (input: Input, every: Duration)? = nil, stop: Stop = .atOnce,
        capacity: Int = 1024, context: MessagingContext? = nil, logger: Logger, start: @escaping Start
    ) {
        self.name = name
        self.addresses = addresses
        self.ticks = ticks
        self.stop = stop
        self.context = context
        self.logger = logger
        self.start = start
        inbox = ServiceInbox(capacity: capacity)
    }

    /// Where the well-known sockets of the service are bound, with real ports, once they are.
    public var bound: [EndpointSetting: String] { boundAddresses.withLock { $0 } }
    /// Seconds of a clock that only grows.
    public var now: Double { (ContinuousClock.now - started) / .seconds(1) }

    /// Runs until the process is asked to stop.
    public func run() async throws {
        let root = try context ?? MessagingContext()
        if let keyring = addresses.keyring { try root.authenticate(keyring.admits) }
        let sockets = try ServiceSockets(
            name: name.rawValue, inbox: inbox, session: session, context: root, addresses: addresses, logger: logger)
        var desk: any ServiceDesk<Input>
        do {
            desk = try await start(sockets)
        } catch {
            await sockets.close()
            if context == nil { await root.terminate() }
            // Asked to stop before it could begin.
            if error is CancellationError { return }
            throw error
        }
        boundAddresses.withLock { $0 = sockets.bound }
        if !sockets.bound.isEmpty {
            let places = sockets.bound.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                "\($0.key.rawValue) at \($0.value)"
            }
            logger.info("serves \(places.joined(separator: ", "))")
        }
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withTaskExecutorPreference(sockets.loopThread.executor) {
                    await withDiscardingTaskGroup { group in
                        group.addTask { await self.tick(sockets.loopThread.clock) }
                        group.addTask { await sockets.watchPeers() }
                        group.addTask { await sockets.followKeys() }
                        for work in sockets.work { group.addTask { await work() } }
                        await self.loop(&desk, sockets, &group)
                        group.cancelAll()
                    }
                }
            } onCancel: {
                inbox.close()
            }
        } onGracefulShutdown: {
            switch self.stop {
            case .atOnce: self.inbox.close()
            case .after(let input):
                self.inbox.push(input)
                self.inbox.close()
            case .whenReady(let input): self.inbox.push(input)
            }
        }
        await desk.finish()
        await sockets.close()
        if context == nil { await root.terminate() }
        logger.info("stopped")
    }

    private func loop(
        _ desk: inout any ServiceDesk<Input>, _ sockets: ServiceSockets<Input>, _ group: inout DiscardingTaskGroup
    ) async {
        var handled = 0
        while let input = await inbox.queue.next() {
            switch input {
            case .own(let input):
                handled += 1
                await desk.handle(input, at: now, &group)
                isAtRest.store(desk.isAtRest, ordering: .relaxed)
            case .asked(let message, let server):
                // Answered by the run loop, so that an answer proves that it runs.
                if message.type == .traceGet {
                    answerTrace(message, server, desk.trace, &group)
                } else if message.type == .healthGet {
                    let missing = sockets.unreachable.map { "cannot reach \($0)" }
                    let body = ServiceHealth(
                        service: name.rawValue, problems: missing + desk.problems, uptimeSeconds: now)
                    server.tryReply(to: message, Outgoing(.health, body: body))
                } else {
                    let figures = own(handled) + sockets.figures + desk.figures
                    let text = PrometheusText.lines(figures, prefix: "e2llm_\(name.metricName)_")
                    server.tryReply(to: message, Outgoing(.metrics, body: ServiceMetrics(text: text)))
                }
            }
        }
    }

    /// The run loop gives what is remembered at this moment away; to choose from it and to make a message of it takes
    /// milliseconds, so this is done beside it.
    private func answerTrace(
        _ message: WireMessage, _ server: ServerSocket, _ log: TraceLog?, _ group: inout DiscardingTaskGroup
    ) {
        let question: TraceQuestion
        do throws(ProtocolError) {
            question = try message.body()
        } catch {
            server.tryReply(to: message, error: error.fault)
            return
        }
        if let refusal = question.refusal {
            server.tryReply(to: message, error: refusal)
            return
        }
        guard
            traces.withLock({ count in
                guard count < Self.mostTraces else { return false }
                count += 1
                return true
            })
        else {
            let busy = Fault("busy", "\(Self.mostTraces) traces are being told already", isRetriable: true)
            server.tryReply(to: message, error: busy)
            return
        }
        // Both clocks at one time, and here: the run loop writes on into a copy.
        let (now, wall, service) = (ContinuousClock.now, WallClock.microseconds(), name.rawValue)
        group.addTask(executorPreference: globalConcurrentExecutor) {
            let answer = (log ?? TraceLog()).answer(question, service: service, now: now, clockMicroseconds: wall)
            server.tryReply(to: message, Outgoing(.trace, body: answer))
            self.traces.withLock { $0 -= 1 }
        }
    }

    private func own(_ handled: Int) -> [ServiceFigure] {
        [
            ServiceFigure("uptime_seconds", "Seconds since the process started.", now),
            ServiceFigure("resident_bytes", "Resident memory.", Double(ProcessFacts.residentBytes())),
            ServiceFigure(
                "cpu_seconds_total", "Processor time of the process.", kind: .counter, ProcessFacts.processorSeconds()),
            ServiceFigure("inputs_total", "Inputs of the run loop.", kind: .counter, Double(handled)),
        ]
    }

    private func tick(_ clock: SocketClock) async {
        guard let ticks else { return }
        repeat {
            inbox.push(ticks.input)
        } while (try? await clock.nextBeat(
            every: isAtRest.load(ordering: .relaxed) ? max(ticks.every, Self.rest) : ticks.every))
            != nil
    }
}
