import Domain
import Foundation
import Messaging
import Protocol
import Scenarios
import ServiceRuntime
import Synchronization

/// One worker without weights: it speaks the protocol over real sockets and answers with described figures.
final class EmulatedWorker: Sendable {
    /// Where services are, and what all workers share.
    struct Surroundings: Sendable {
        var registry: String
        var control: String
        var fleet: FleetStandIn
        var tally: ControlTally
        /// Machines that the devices are spread over; `nil`: each has its own, and none is like another one.
        var hosts: Int?
    }

    /// Tokens of a block of KV cache.
    private static let block = 32
    private static let patience = Duration.seconds(10)

    private let device: DescribedDevice
    private let host: String
    private let fingerprint: String
    private let kind: WorkerKind
    private let surroundings: Surroundings
    private let session = Session()
    private let clock: SocketClock
    private let stages = Mutex<[ReplicaID: ServedStage]>([:])
    private let epoch = Mutex<Epoch>(0)
    private let clients = Mutex<(registry: ClientSocket?, control: ClientSocket?)>((nil, nil))

    /// - Parameter number: the device's place in the fleet.
    init(
        _ device: DescribedDevice, number: Int, _ kind: WorkerKind, _ surroundings: Surroundings, clock: SocketClock
    ) {
        self.device = device
        self.kind = kind
        self.surroundings = surroundings
        self.clock = clock
        (host, fingerprint) = Self.identity(device, number: number, hosts: surroundings.hosts)
    }

    /// On shared hosts devices of one type count as equal, so that the profiler measures one of them.
    static func identity(
        _ device: DescribedDevice, number: Int, hosts: Int?
    ) -> (host: String, fingerprint: String) {
        guard let hosts else { return ("host-\(device.id)", "stand-in|\(device.type)|\(device.id)") }
        return ("host-\(number % max(1, hosts))", "stand-in|\(device.type)")
    }

    private var name: String { "\(device.id)/\(kind.rawValue)" }
    private var tally: ControlTally { surroundings.tally }
    /// Nobody connects to it: links are answered from the description, and no request is sent.
    private var dataEndpoint: String { "tcp://127.0.0.1:9" }

    /// Messages and bytes of its sockets so far.
    var counts: ControlCounts {
        var counts = ControlCounts()
        let clients = clients.withLock { $0 }
        for (socket, client) in [("registry", clients.registry), ("control", clients.control)] {
            guard let client else { continue }
            let statistics = client.statistics
            counts.add(
                socket, messages: statistics.sentMessages + statistics.receivedMessages,
                bytes: statistics.sentBytes + statistics.receivedBytes)
        }
        return counts
    }

    /// Runs until the task is cancelled.
    func run(on thread: SocketThread) async throws {
        let registry = try await ClientSocket.connect(
            to: surroundings.registry, on: thread, session: session, name: name, handler: { await self.registry($0) })
        let control = try await ClientSocket.connect(
            to: surroundings.control, on: thread, session: session, name: name, handler: { await self.control($0) })
        clients.withLock { $0 = (registry, control) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.beatRegistry(registry) }
            group.addTask { await self.beatControl(control) }
            await group.waitForAll()
        }
        await registry.close()
        await control.close()
    }

    // MARK: - The profiler

    private func beatRegistry(_ client: ClientSocket) async {
        let registration = RegisterDevice(
            device: device.id, worker: kind, host: host, fingerprint: fingerprint, threads: 1, computeShare: 1,
            memoryUsableBytes: device.memoryUsableBytes, dataEndpoint: dataEndpoint, model: surroundings.fleet.model)
        let beat = DeviceHeartbeat(device: device.id, worker: kind, residentBytes: 0)
        await repeating {
            self.tally.note(MessageType.deviceRegister.rawValue)
            let reply = try await client.request(Outgoing(.deviceRegister, body: registration), timeout: Self.patience)
            let accepted: DeviceRegistered = try reply.body()
            self.tally.registered(self.name)
            while true {
                try await self.clock.sleep(for: .milliseconds(max(100, accepted.heartbeatMilliseconds)))
                self.tally.note(MessageType.deviceHeartbeat.rawValue)
                _ = try await client.request(Outgoing(.deviceHeartbeat, body: beat), timeout: Self.patience)
            }
        }
    }

    private func registry(_ message: WireMessage) async {
        guard let client = clients.withLock(\.registry) else { return }
        tally.note(message.type.rawValue)
        do {
            switch message.type {
            case .profileMeasure:
                let body: MeasureProfile = try message.body()
                guard let tables = surroundings.fleet.measurements(of: device.id, phases: body.phases) else { return }
                try await client.reply(to: message, Outgoing(.profileResult, body: tables))
                tally.measured(name)
            case .linkMeasure:
                let body: MeasureLink = try message.body()
                let link = surroundings.fleet.link(from: device.id, to: body.peer)
                try await client.reply(to: message, Outgoing(.linkResult, body: LinkResult(link: link)))
            case .error: break
            default:
                try await client.reply(
                    to: message, error: Fault("unknown_type", "an emulated worker does not know \(message.type)"))
            }
        } catch {
            tally.note("not answered")
        }
    }

    // MARK: - The scheduler

    private func beatControl(_ client: ClientSocket) async {
        await repeating {
            let stages = self.stages.withLock { $0.values.sorted { $0.assignment.replica < $1.assignment.replica } }
            let hello = WorkerHello(
                device: self.device.id, worker: self.kind, dataEndpoint: self.dataEndpoint, stages: stages,
                kvBlockTokens: Self.block, capabilities: [Capability.sequenceGrow])
            self.tally.note(MessageType.workerHello.rawValue)
            let reply = try await client.request(
                Outgoing(.workerHello, epoch: self.epoch.withLock { $0 }, body: hello), timeout: Self.patience)
            let welcome: WorkerWelcome = try reply.body()
            self.tally.welcomed(self.name)
            // There is never anything to do.
            let pause = max(100, welcome.idleHeartbeatMilliseconds ?? welcome.heartbeatMilliseconds)
            while true {
                self.tally.note(MessageType.workerHeartbeat.rawValue)
                let body = WorkerHeartbeat(device: self.device.id, worker: self.kind, load: WorkerLoad())
                _ = try await client.request(
                    Outgoing(.workerHeartbeat, epoch: self.epoch.withLock { $0 }, body: body), timeout: Self.patience)
                try await self.clock.sleep(for: .milliseconds(pause))
            }
        }
    }

    private func control(_ message: WireMessage) async {
        guard let client = clients.withLock(\.control) else { return }
        tally.note(message.type.rawValue)
        do {
            switch message.type {
            case .stagePrepare: try await client.reply(to: message, try prepare(message))
            case .stageRelease:
                let body: StageRelease = try message.body()
                stages.withLock { $0[body.replica] = nil }
                try await client.reply(to: message, Outgoing(.stageReleased))
            case .error: break
            default:
                try await client.reply(
                    to: message, error: Fault("unknown_type", "an emulated worker does not know \(message.type)"))
            }
        } catch {
            let fault = (error as? Fault) ?? Fault("malformed", "\(error)")
            try? await client.reply(to: message, error: fault)
        }
    }

    private func prepare(_ message: WireMessage) throws -> Outgoing {
        let body: StagePrepare = try message.body()
        let number = message.envelope.epoch ?? 0
        guard let layers = body.assignment.layers else {
            throw Fault("bad_plan", "the plan has no such stage")
        }
        let known = stages.withLock { $0[body.assignment.replica]?.formed }
        let isNew = epoch.withLock { newest in
            defer { newest = max(newest, number) }
            return number > newest
        }
        guard isNew || known == number else {
            throw Fault("stale_epoch", "epoch \(number) is not newer than what was heard")
        }
        guard
            let capacity = surroundings.fleet.capacityTokens(
                of: device.id, layers: layers, type: body.assignment.plan.kvType, block: Self.block)
        else { throw Fault("out_of_memory", "no room for layers \(layers)") }
        let weights = surroundings.fleet.model.weightBytes(layers)
        stages.withLock {
            $0[body.assignment.replica] = ServedStage(
                assignment: body.assignment, formed: number, kvCapacityTokens: capacity, weightBytes: weights)
        }
        return Outgoing(
            .stagePrepared, epoch: number,
            body: StagePrepared(kvCapacityTokens: capacity, kvBlockTokens: Self.block, weightBytes: weights))
    }

    /// Does something that ends with an error where the other side does not answer, again and again.
    private func repeating(_ body: @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await body()
            } catch is CancellationError {
                return
            } catch {
                tally.note("said again: \((error as? RuntimeError).map { "\($0.code)" } ?? "\(error)")")
                try? await clock.sleep(for: .milliseconds(500))
            }
        }
    }
}
