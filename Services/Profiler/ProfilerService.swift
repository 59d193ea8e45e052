import Dispatch
import Domain
import Foundation
import Logging
import Messaging
import Protocol
import ServiceLifecycle
import ServiceRuntime
import Synchronization

/// The profiler's run loop: messages, results and time go through one queue into the core, what the core wants is done here.
final class ProfilerService: Service {
    /// Where the sockets are bound, with real ports.
    struct Bound: Sendable {
        var registry: String
        var fleet: String
    }

    private let configuration: ProfilerConfiguration
    private let context: MessagingContext
    private let logger: Logger
    private let session = Session()
    private let queue = EventQueue<ProfilerEndpoints.Input>(capacity: 1024)
    private let boundEndpoints = Mutex<Bound?>(nil)
    private let started = ContinuousClock.now
    private let directory: ProfileDirectory
    /// Files are written here, one after the other, because a slow disk must not hold up heartbeats.
    private let disk = DispatchQueue(label: "profiles")

    /// Makes the service; `run` opens its sockets.
    init(configuration: ProfilerConfiguration, context: MessagingContext, logger: Logger) {
        self.configuration = configuration
        self.context = context
        self.logger = logger
        directory = ProfileDirectory(path: configuration.directory)
    }

    /// Where the sockets are bound, once they are.
    var bound: Bound? { boundEndpoints.withLock { $0 } }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let core = ProfilerCore(
            limits: configuration.limits, stored: await loadProfiles(),
            // Milliseconds since 1970, so that a restarted profiler does not publish versions that were used before.
            version: UInt64(max(1, Date().timeIntervalSince1970 * 1000)))
        let thread = try context.makeThread(name: "profiler")
        let endpoints = try await ProfilerEndpoints.open(configuration, on: thread, session: session, queue: queue)
        boundEndpoints.withLock {
            $0 = Bound(registry: endpoints.registry.endpoint, fleet: endpoints.fleet.endpoint)
        }
        logger.info("registry at \(endpoints.registry.endpoint), fleet at \(endpoints.fleet.endpoint)")
        let queue = queue
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.tick() }
                    await self.loop(core, endpoints, &group)
                    group.cancelAll()
                }
            } onCancel: {
                queue.close()
            }
        } onGracefulShutdown: {
            queue.close()
        }
        await endpoints.close()
        await withCheckedContinuation { continuation in disk.async { continuation.resume() } }
        logger.info("stopped")
    }

    private func loop(
        _ initial: ProfilerCore, _ endpoints: ProfilerEndpoints, _ group: inout DiscardingTaskGroup
    ) async {
        var core = initial
        while let input = await queue.next() {
            let event: ProfilerEvent
            var message: WireMessage?
            switch input {
            case .event(let own): event = own
            case .message(let received):
                message = received
                do {
                    guard let read = try ProfilerEvent(received) else {
                        await endpoints.registry.replyUnknownType(to: received)
                        continue
                    }
                    event = read
                } catch {
                    try? await endpoints.registry.reply(to: received, error: error.body)
                    continue
                }
            }
            for instruction in core.handle(event, at: (ContinuousClock.now - started) / .seconds(1)) {
                await perform(instruction, answering: message, endpoints, &group)
            }
        }
    }

    private func perform(
        _ instruction: ProfilerInstruction, answering message: WireMessage?, _ endpoints: ProfilerEndpoints,
        _ group: inout DiscardingTaskGroup
    ) async {
        switch instruction {
        case .accept(let body): await reply(Outgoing(.deviceRegistered, body: body), to: message, endpoints)
        case .acknowledge: await reply(Outgoing(.deviceHeartbeat), to: message, endpoints)
        case .tell(let fleet): await reply(Outgoing(.fleetSnapshot, body: fleet), to: message, endpoints)
        case .refuse(let error):
            logger.debug("refused: \(error.message)", metadata: ["code": "\(error.code)"])
            guard let message else { return }
            try? await endpoints.registry.reply(to: message, error: error)
        case .publish(let fleet): endpoints.fleet.publish(Outgoing(.fleetSnapshot, body: fleet))
        case .measure(let id, let order, let peer):
            let timeout = configuration.limits.measureSeconds
            group.addTask { [queue] in
                let result: Result<DeviceMeasurements, MeasurementFailure> = await Self.ask(
                    Outgoing(.profileMeasure, body: order), peer, endpoints.registry, seconds: timeout)
                queue.push(.event(.measured(id, result)))
            }
        case .measureLink(let id, let order, let peer):
            let timeout = configuration.limits.linkSeconds
            group.addTask { [queue] in
                let result: Result<LinkResult, MeasurementFailure> = await Self.ask(
                    Outgoing(.linkMeasure, body: order), peer, endpoints.registry, seconds: timeout)
                queue.push(.event(.linkMeasured(id, result.map(\.link))))
            }
        case .keep(let device): keep { directory throws(ProfileDirectory.Problem) in try directory.save(device) }
        case .keepLink(let link): keep { directory throws(ProfileDirectory.Problem) in try directory.save(link) }
        case .note(let text): logger.info("\(text)")
        }
    }

    private func reply(_ outgoing: Outgoing, to message: WireMessage?, _ endpoints: ProfilerEndpoints) async {
        guard let message else { return }
        try? await endpoints.registry.reply(to: message, outgoing)
    }

    /// Has a worker measure something.
    private static func ask<Body: Decodable & Sendable>(
        _ order: Outgoing, _ peer: PeerIdentity, _ registry: ServerSocket, seconds: Double
    ) async -> Result<Body, MeasurementFailure> {
        do {
            return .success(try await registry.request(order, to: peer, timeout: .seconds(seconds)).body(as: Body.self))
        } catch let error as RuntimeError where error.code == .timedOut {
            return .failure(MeasurementFailure(problem: "no answer to \(order.type) within \(seconds) s"))
        } catch {
            return .failure(MeasurementFailure(problem: "\(error)"))
        }
    }

    /// Serving goes on where nothing can be kept; then a restart measures again.
    private func keep(_ save: @escaping @Sendable (ProfileDirectory) throws(ProfileDirectory.Problem) -> Void) {
        disk.async { [directory, logger] in
            do throws(ProfileDirectory.Problem) { try save(directory) } catch {
                logger.warning("a measurement is not kept, a restart will measure again: \(error.message)")
            }
        }
    }

    private func loadProfiles() async -> StoredProfiles {
        let (profiles, problems) = await withCheckedContinuation { continuation in
            disk.async { [directory] in continuation.resume(returning: directory.load()) }
        }
        for problem in problems { logger.warning("\(problem.message)") }
        logger.info(
            "\(profiles.devices.count) device and \(profiles.links.count) link measurements are in \(directory.path)")
        return profiles
    }

    private func tick() async {
        while !Task.isCancelled {
            queue.push(.event(.tick))
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}

extension ProfilerEvent {
    /// The event of a message; `nil` for types that the profiler does not know.
    fileprivate init?(_ message: WireMessage) throws(ProtocolError) {
        guard let peer = message.peer else { return nil }
        let sender = Sender(session: message.envelope.session, peer: peer)
        switch message.type {
        case .deviceRegister: self = .register(try message.body(), sender)
        case .deviceHeartbeat: self = .heartbeat(try message.body(), sender)
        case .deviceLeave: self = .leave(session: sender.session)
        case .fleetGet: self = .fleetWanted
        default: return nil
        }
    }
}
