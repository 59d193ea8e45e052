import Domain
import Foundation
import Logging
import Messaging
import Protocol
import ServiceRuntime

/// The profiler as `main` runs it and tests start it.
enum ProfilerService {
    /// Makes the service.
    ///
    /// - Parameter context: the root of its sockets; one of its own where absent.
    static func make(
        _ configuration: ProfilerConfiguration, context: MessagingContext? = nil, logger: Logger
    ) -> ServiceShell<ProfilerInput> {
        ServiceShell(
            .profiler, addresses: configuration.addresses, ticks: (.event(.tick), .milliseconds(500)), context: context,
            logger: logger
        ) { sockets in
            let inbox = sockets.inbox
            let files = ProfileFiles(directory: configuration.directory, logger: logger)
            let core = ProfilerCore(
                limits: configuration.limits, stored: await files.load(),
                // Milliseconds since 1970, so that a restarted profiler does not publish versions that were used before.
                version: UInt64(max(1, Date().timeIntervalSince1970 * 1000)))
            let fleet = try await sockets.publisher(.fleet)
            let registry = try await sockets.server(
                .registry, onUnroutable: { inbox.push(.event(.unroutable($0))) },
                handler: { await inbox.send(.message($1)) })
            return ProfilerDesk(
                core: core, limits: configuration.limits, registry: registry, fleet: fleet, files: files, inbox: inbox,
                logger: logger)
        }
    }
}

/// What the run loop takes.
enum ProfilerInput: Sendable {
    case message(WireMessage)
    case event(ProfilerEvent)
}

/// Gives the core what arrives and does what it wants.
struct ProfilerDesk: ServiceDesk {
    private var core: ProfilerCore
    private let limits: ProfilerLimits
    /// ROUTER: registrations, heartbeats, and the measurements that are asked of workers.
    private let registry: ServerSocket
    /// PUB: the fleet.
    private let fleet: StatePublisher
    private let files: ProfileFiles
    private let inbox: ServiceInbox<ProfilerInput>
    private let logger: Logger
    /// What was published last, which is published again and again.
    private var published: (fleet: Fleet, encoded: EncodedBody)?

    init(
        core: ProfilerCore, limits: ProfilerLimits, registry: ServerSocket, fleet: StatePublisher, files: ProfileFiles,
        inbox: ServiceInbox<ProfilerInput>, logger: Logger
    ) {
        self.core = core
        self.limits = limits
        self.registry = registry
        self.fleet = fleet
        self.files = files
        self.inbox = inbox
        self.logger = logger
    }

    var figures: [ServiceFigure] {
        let fleet = core.currentFleet()
        return DeviceState.allCases.map { state in
            ServiceFigure(
                "devices", "Devices of the fleet by state.", labels: ["state": state.rawValue],
                Double(fleet.devices.count { $0.state == state }))
        } + [ServiceFigure("links", "Links that are measured.", Double(fleet.links.count))]
    }

    mutating func handle(_ input: ProfilerInput, at now: Double, _ tasks: inout DiscardingTaskGroup) async {
        let event: ProfilerEvent
        var message: WireMessage?
        switch input {
        case .event(let own): event = own
        case .message(let received):
            message = received
            do {
                guard let read = try ProfilerEvent(received) else {
                    await registry.replyUnknownType(to: received)
                    return
                }
                event = read
            } catch {
                try? await registry.reply(to: received, error: error.fault)
                return
            }
        }
        for instruction in core.handle(event, at: now) { await perform(instruction, answering: message, &tasks) }
    }

    mutating func finish() async { await files.flush() }

    private mutating func perform(
        _ instruction: ProfilerInstruction, answering message: WireMessage?, _ tasks: inout DiscardingTaskGroup
    ) async {
        switch instruction {
        case .accept(let body): await reply(Outgoing(.deviceRegistered, body: body), to: message)
        case .acknowledge: await reply(Outgoing(.deviceHeartbeat), to: message)
        case .tell(let known): await reply(Outgoing(.fleetSnapshot, body: known), to: message)
        case .refuse(let error):
            logger.debug("refused: \(error.message)", metadata: ["code": "\(error.code)"])
            guard let message else { return }
            try? await registry.reply(to: message, error: error)
        case .publish(let now):
            if published?.fleet != now { published = (try? EncodedBody(now)).map { (now, $0) } }
            guard let encoded = published?.encoded else { return }
            fleet.publish(Outgoing(.fleetSnapshot, body: encoded))
        case .measure(let id, let order, let peer):
            let timeout = limits.measureSeconds
            tasks.addTask { [inbox, registry] in
                let result: Result<DeviceMeasurements, MeasurementFailure> = await Self.ask(
                    Outgoing(.profileMeasure, body: order), peer, registry, seconds: timeout)
                inbox.push(.event(.measured(id, result)))
            }
        case .measureLink(let id, let order, let peer):
            let timeout = limits.linkSeconds
            tasks.addTask { [inbox, registry] in
                let result: Result<LinkResult, MeasurementFailure> = await Self.ask(
                    Outgoing(.linkMeasure, body: order), peer, registry, seconds: timeout)
                inbox.push(.event(.linkMeasured(id, result.map(\.link))))
            }
        case .keep(let device): files.keep { directory throws(ProfileDirectory.Problem) in try directory.save(device) }
        case .keepLink(let link): files.keep { directory throws(ProfileDirectory.Problem) in try directory.save(link) }
        case .note(let text): logger.info("\(text)")
        }
    }

    private func reply(
        _ outgoing: Outgoing, to message: WireMessage?
    ) async {
        guard let message else { return }
        try? await registry.reply(to: message, outgoing)
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
}

extension ProfilerEvent {
    /// The event of a message; `nil` for types that the profiler does not know.
    fileprivate init?(_ message: WireMessage) throws(ProtocolError) {
        guard let peer = message.peer else { return nil }
        let sender = Sender(session: message.envelope.session, peer: peer)
        switch message.type {
        case .deviceRegister: self = .register(try message.body(), sender)
        case .deviceHeartbeat: self = .heartbeat(try message.body(), sender)
        case .deviceLeave:
            let body: DeviceHeartbeat = try message.body()
            self = .leave(body.device, session: sender.session)
        case .fleetGet: self = .fleetWanted
        default: return nil
        }
    }
}
