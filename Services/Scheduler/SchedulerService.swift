import Domain
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The scheduler's run loop: everything that happens goes through one queue into the core; what the core wants is done
/// here, and nothing is decided.
final class SchedulerService: Service {
    private let configuration: SchedulerConfiguration
    private let initialCore: SchedulerCore
    private let logger: Logger
    private let queue = EventQueue<SchedulerInput>(capacity: 4096)
    private let peers = PeerTable()
    private let session = Session()
    private let started = ContinuousClock.now
    private let bound = Mutex<(control: String, state: String)?>(nil)

    /// Makes the service; `run` opens its sockets.
    init(configuration: SchedulerConfiguration, core: SchedulerCore, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        initialCore = core
    }

    /// Where the sockets are bound, once they are.
    var endpoints: (control: String, state: String)? { bound.withLock { $0 } }
    /// Seconds of a clock that only grows.
    private var now: Double { (ContinuousClock.now - started) / .seconds(1) }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let context = try MessagingContext()
        let thread = try context.makeThread(name: "scheduler")
        let endpoints = try await SchedulerEndpoints.open(
            configuration, on: thread, session: session, queue: queue, peers: peers)
        bound.withLock { $0 = (endpoints.control.endpoint, endpoints.state.endpoint) }
        logger.info("control socket at \(endpoints.control.endpoint), state at \(endpoints.state.endpoint)")
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    group.addTask { await self.probe(endpoints) }
                    group.addTask { await self.fetchFleet(endpoints) }
                    await self.loop(endpoints, &group)
                    group.cancelAll()
                }
            } onCancel: {
                queue.close()
            }
        } onGracefulShutdown: {
            self.queue.close()
        }
        await endpoints.close()
        await context.terminate()
        logger.info("stopped")
    }

    private func loop(_ endpoints: SchedulerEndpoints, _ group: inout DiscardingTaskGroup) async {
        var core = initialCore
        var desk = SchedulerDesk(
            endpoints: endpoints, peers: peers, queue: queue, configuration: configuration, logger: logger)
        while let input = await queue.next() {
            switch input {
            case .event(let event, let message):
                desk.receive(event, message)
                for instruction in core.handle(event, at: now) {
                    await desk.perform(instruction, core.snapshot(at:), at: now, &group)
                }
            case .stateAsked(let message):
                let snapshot = core.snapshot(at: now)
                try? await endpoints.control.reply(
                    to: message, Outgoing(.schedulerState, epoch: snapshot.epoch, body: snapshot.body))
            }
        }
    }

    private func tick() async {
        while !Task.isCancelled {
            queue.push(.event(.tick, nil))
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    /// Asks after the connection of every worker several times a second: a process that has ended is found at once, long
    /// before its heartbeats are missed.
    private func probe(_ endpoints: SchedulerEndpoints) async {
        while !Task.isCancelled {
            for peer in peers.workerPeers { _ = endpoints.control.probe(peer) }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// The profiler publishes on changes only, and a subscriber that has just connected misses some: the fleet is asked
    /// for until it is there, and now and then afterwards.
    private func fetchFleet(_ endpoints: SchedulerEndpoints) async {
        while !Task.isCancelled {
            let reply = try? await endpoints.registry.request(Outgoing(.fleetGet), timeout: .seconds(2))
            let fleet = try? reply?.body(as: Fleet.self)
            if let fleet { queue.push(.event(.fleet(fleet), nil)) }
            try? await Task.sleep(for: fleet == nil ? .milliseconds(500) : .seconds(5))
        }
    }
}
