public import Domain
import Foundation
import Inference
public import Logging
import Messaging
import Protocol
import Scheduling
public import ServiceLifecycle
public import ServiceRuntime

/// A worker process as a service.
public enum WorkerService {
    /// Every setting of a worker.
    public static var keys: [SettingKey] { WorkerConfiguration.keys }

    /// Reads the settings and makes the service.
    ///
    /// - Throws: `RuntimeError` naming the setting that is wrong.
    public static func make(kind: WorkerKind, settings: Settings, logger: Logger) throws -> any Service {
        let configuration = try WorkerConfiguration(kind: kind, settings: settings)
        try checkModel(configuration)
        return make(configuration, logger: logger)
    }

    /// A file that the engine cannot run is refused before the worker runs, so that nobody starts it again and again.
    /// One that cannot be read may be there later.
    private static func checkModel(_ configuration: WorkerConfiguration) throws {
        do {
            _ = try ModelFile(path: configuration.modelPath)
        } catch let error as InferenceError where error.code != .fileAccess {
            throw RuntimeError(.badSetting, "\(configuration.modelPath): \(error)")
        } catch {
            // Told when the worker opens it.
        }
    }

    /// Makes the service; nothing is opened before it runs.
    static func make(_ configuration: WorkerConfiguration, logger: Logger) -> ServiceShell<WorkerEvent> {
        var logger = logger
        logger[metadataKey: "device"] = "\(configuration.device)"
        return ServiceShell(
            configuration.kind == .prefill ? .prefillWorker : .decoderWorker, addresses: configuration.addresses,
            ticks: (.tick, .seconds(1)), stop: .whenReady(.leave), capacity: 256, logger: logger
        ) { [logger] sockets in
            let worker = try await open(configuration, sockets, logger)
            return worker
        }
    }

    private static func open(
        _ configuration: WorkerConfiguration, _ sockets: ServiceSockets<WorkerEvent>, _ logger: Logger
    ) async throws -> sending StageWorker {
        ResidentMemory.returnLargeBlocks()
        try InstructionSet.choose()
        let model = try ModelFile(path: configuration.modelPath)
        let description = model.description
        let inbox = sockets.inbox
        let data = try sockets.context.makeThread(name: "data")
        // Between two steps nothing is awaited but the network and the compute thread.
        sockets.runLoop(on: data)
        // Echoes are answered at once on the way in, so that they measure the link and not this worker's load.
        let server = try await sockets.server(at: configuration.dataBind, domain: "data", on: data, options: .tensor) {
            server, message in
            if message.type == .linkEcho {
                server.tryReply(to: message, Outgoing(.linkEchoed))
            } else {
                await inbox.send(.data(message))
            }
        }
        let endpoint = try await configuration.addresses.announced(
            configuration.dataAnnounce ?? server.endpoint, towards: .control)
        let identity = "\(configuration.device)"
        let box = SnapshotBox()
        // A scheduler that has restarted hears of this worker with its next heartbeat, which need not wait where there is no work.
        let scheduler = try await sockets.client(
            .control, identity: identity, handler: { await inbox.send(.control($0)) }, onConnected: { box.wake() })
        let profiler = try await sockets.client(.registry, identity: identity) { await inbox.send(.registry($0)) }
        let links = PeerLinks(
            thread: data, session: sockets.session, keyring: configuration.addresses.keyring,
            egress: configuration.link.map { ShapedLink($0) }, logger: logger
        ) { inbox.push(.core(.drained)) }
        let worker = StageWorker(
            configuration: configuration, model: model, description: description, logger: logger, events: inbox,
            compute: ComputeThread(
                name: "compute", mayLookOut: configuration.threads < ProcessInfo.processInfo.activeProcessorCount),
            links: links, server: server, scheduler: scheduler,
            profiler: profiler, snapshotBox: box)
        logger.info(
            "data socket at \(endpoint), \(configuration.threads) threads (\(InstructionSet.name)), share \(configuration.computeShare)"
        )
        let registration = RegisterDevice(
            device: configuration.device, worker: configuration.kind, host: configuration.host,
            fingerprint: configuration.fingerprint(processor: ProcessorName.current()), threads: configuration.threads,
            computeShare: configuration.computeShare, memoryUsableBytes: configuration.memoryUsableBytes,
            dataEndpoint: endpoint, model: description)
        let registry = RegistrySession(client: profiler, registration: registration, logger: logger)
        let hello = SchedulerSession(
            client: scheduler, device: configuration.device, kind: configuration.kind, dataEndpoint: endpoint,
            snapshot: box, logger: logger)
        sockets.runBesideSockets { await registry.run($0) }
        sockets.runBesideSockets { await hello.run($0) }
        return worker
    }
}
