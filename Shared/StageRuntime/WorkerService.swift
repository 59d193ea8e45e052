public import Domain
import Inference
public import Logging
import Messaging
import Protocol
import Scheduling
public import ServiceLifecycle
public import ServiceRuntime

/// A worker process as a service: opens its sockets, runs the loop, closes everything in order.
public struct WorkerService: Service {
    private let configuration: WorkerConfiguration
    private let logger: Logger

    /// Makes a service; nothing is opened before `run`.
    public init(configuration: WorkerConfiguration, logger: Logger) {
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "device"] = "\(configuration.device)"
        self.logger = logger
    }

    /// Reads the settings and makes the service.
    ///
    /// - Throws: `RuntimeError` naming the setting that is wrong.
    public static func build(kind: WorkerKind, options: ServiceOptions) throws -> WorkerService {
        let settings = try options.settings(WorkerConfiguration.keys)
        let configuration = try WorkerConfiguration(kind: kind, settings: settings)
        let name = kind == .prefill ? "prefill-worker" : "decoder-worker"
        return WorkerService(configuration: configuration, logger: options.makeLogger(name))
    }

    /// Serves until the process is asked to stop.
    public func run() async throws {
        try InstructionSet.choose()
        let model = try ModelFile(path: configuration.modelPath, kvType: configuration.kvType)
        let description = model.description
        let context = try MessagingContext()
        let events = EventQueue<WorkerEvent>(capacity: 256)
        let session = Session()
        let control = try context.makeThread(name: "control")
        let data = try context.makeThread(name: "data")
        let server = try await bindData(on: data, session: session, events: events)
        let endpoint = configuration.dataAnnounce ?? server.endpoint
        let scheduler = try await ClientSocket.connect(
            to: configuration.controlEndpoint, on: control, session: session, name: "\(configuration.device)"
        ) { await events.send(.control($0)) }
        let profiler = try await ClientSocket.connect(
            to: configuration.registryEndpoint, on: control, session: session, name: "\(configuration.device)"
        ) { await events.send(.registry($0)) }
        let compute = ComputeThread(name: "compute")
        let links = PeerLinks(
            thread: data, session: session, egress: configuration.link.map { ShapedLink($0) }, logger: logger
        ) { events.push(.core(.drained)) }
        let worker = StageWorker(
            configuration: configuration, model: model, description: description, logger: logger, events: events,
            compute: compute, links: links, server: server, scheduler: scheduler, profiler: profiler)
        logger.info(
            "data socket at \(endpoint), \(configuration.threads) threads (\(InstructionSet.name)), share \(configuration.computeShare)"
        )

        let registration = RegisterDevice(
            device: configuration.device, worker: configuration.kind, host: configuration.host,
            fingerprint: configuration.fingerprint(processor: ProcessorName.current()), threads: configuration.threads,
            computeShare: configuration.computeShare, memoryUsableBytes: configuration.memoryUsableBytes,
            dataEndpoint: endpoint, model: description)
        let registry = RegistrySession(client: profiler, registration: registration, logger: logger)
        let box = worker.snapshotBox
        let hello = SchedulerSession(
            client: scheduler, device: configuration.device, kind: configuration.kind, dataEndpoint: endpoint,
            summary: { box.value }, logger: logger)
        let sessions = [
            Task { await registry.run() }, Task { await hello.run() },
            Task {
                while (try? await Task.sleep(for: .seconds(1))) != nil { events.push(.tick) }
            },
        ]
        await withGracefulShutdownHandler {
            while let event = await events.next() { await worker.handle(event) }
        } onGracefulShutdown: {
            events.push(.leave)
        }
        for session in sessions { session.cancel() }
        try? await profiler.send(
            Outgoing(
                .deviceLeave,
                body: DeviceHeartbeat(
                    device: configuration.device, worker: configuration.kind, residentBytes: 0)))
        await compute.stop()
        await links.close()
        await profiler.close()
        await scheduler.close()
        await server.close()
        await context.terminate()
        logger.info("stopped")
    }

    /// Echoes are answered at once on the way in, so that they measure the link and not this worker's load.
    private func bindData(
        on thread: SocketThread, session: Session, events: EventQueue<WorkerEvent>
    ) async throws -> ServerSocket {
        let box = ReplyBox()
        let server = try await ServerSocket.bind(
            configuration.dataBind, on: thread, session: session, options: .tensor
        ) { message in
            if message.type == .linkEcho {
                _ = box.server?.tryReply(to: message, Outgoing(.linkEchoed))
            } else {
                await events.send(.data(message))
            }
        }
        box.set(server)
        return server
    }
}
