import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// One worker process: serves the stage that the scheduler gave it. The run loop alone touches this state; computing
/// happens on the compute thread, sending in the links.
final class StageWorker {
    let configuration: WorkerConfiguration
    let model: ModelFile
    let description: ModelDescription
    let logger: Logger
    let events: EventQueue<WorkerEvent>
    let compute: ComputeThread
    let links: PeerLinks
    let server: ServerSocket
    let scheduler: ClientSocket
    let profiler: ClientSocket
    let snapshotBox = SnapshotBox()

    /// The stage in force.
    var stage: ActiveStage?
    /// Loaded, waits for the commit; `nil` inside means that the worker gets no stage.
    var prepared: (epoch: Epoch, stage: ActiveStage?)?
    var epoch: Epoch = 0
    var closed = RecentlyClosed()
    var stepsOnThread = 0
    var lastSlot = 0
    var ticks = 0

    /// How often a first stage renews the leases of its sequences, in ticks of a second: several times per lease, so that
    /// a lost message does not end one.
    var keepEveryTicks: Int { max(1, configuration.leaseSeconds / 4) }
    /// Bytes of KV cache that may wait to leave before this worker stops computing prompts.
    static let outgoingLimitBytes = 64 << 20

    init(
        configuration: WorkerConfiguration, model: ModelFile, description: ModelDescription, logger: Logger,
        events: EventQueue<WorkerEvent>, compute: ComputeThread, links: PeerLinks, server: ServerSocket,
        scheduler: ClientSocket, profiler: ClientSocket
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
    }

    /// Handles one event.
    func handle(_ event: WorkerEvent) async {
        switch event {
        case .control(let message): await handleControl(message)
        case .registry(let message): await handleRegistry(message)
        case .data(let message):
            do {
                try handleData(message)
            } catch {
                logger.warning("\(message.type) refused: \(error)")
                try? await server.reply(to: message, error: errorBody(error))
            }
        case .loaded(let result, let reply, let assignment, let replica, let epoch):
            await finishPreparing(result, reply, assignment, replica, epoch)
        case .stepped(let result, let slot, let number, let parts):
            stepsOnThread -= 1
            handleStep(result, slot: slot, number: number, parts: parts)
        case .sequenceFailed(let request, let slot, let error):
            guard stage?.slot == slot else { break }
            fail(request, error)
        case .tick:
            renewLeases()
            links.closeIdle(longerThan: .seconds(120))
        }
        pump()
        publishSnapshot()
    }

    /// Starts steps while there is work and the compute thread is not ahead of itself.
    func pump() {
        while let active = stage, active.isFirst, stepsOnThread < 2, links.pendingBytes < Self.outgoingLimitBytes {
            guard var driver = stage?.driver, let next = driver.nextStep() else { return }
            stage?.driver = driver
            perform(next.instructions)
            startStep(next.step)
        }
    }

    func errorBody(_ error: any Error) -> ErrorBody {
        switch error {
        case let error as ProtocolError: return error.body
        case let error as RuntimeError:
            return error.reported ?? ErrorBody(code: error.code.rawValue, message: error.message)
        case let error as InferenceError:
            return ErrorBody(code: "\(error.code)", message: error.message, retriable: error.code == .outOfMemory)
        case let error as WorkerRefusal:
            return ErrorBody(code: error.code, message: error.message, retriable: error.retriable)
        default: return ErrorBody(code: "internal", message: "\(error)", retriable: true)
        }
    }

    private func publishSnapshot() {
        var next = WorkerSnapshot()
        next.epoch = epoch
        if let stage {
            next.assignment = stage.assignment
            next.kvCapacityTokens = stage.kvCapacityTokens
            next.kvUsedTokens = stage.sequences.values.reduce(0) { $0 + $1.reservedTokens }
            next.waiting = stage.isFirst ? stage.driver.waitingCount : 0
            next.running = stage.isFirst ? stage.driver.runningCount : stage.sequences.count
            next.counters = stage.counters
            if stage.isFirst {
                next.requests = stage.sequences.compactMap { request, held in
                    held.open.map {
                        HeldRequest(
                            request: request, reservedTokens: held.reservedTokens, gatewayEndpoint: $0.route.gateway)
                    }
                }
            }
        }
        snapshotBox.set(next)
    }
}

/// Why a worker refuses a message.
struct WorkerRefusal: Error, Sendable, CustomStringConvertible {
    let code: String
    let message: String
    var retriable = false

    var description: String { message }
}
