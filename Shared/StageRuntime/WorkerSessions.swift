import Domain
import Inference
import Logging
import Messaging
import Protocol
import Scheduling
import ServiceRuntime

/// Keeps the worker known to the profiler: registers, sends heartbeats, registers again after either side restarted.
struct RegistrySession {
    let client: ClientSocket
    let registration: RegisterDevice
    let logger: Logger

    func run(_ clock: SocketClock) async {
        while !Task.isCancelled {
            do {
                let reply = try await client.request(
                    Outgoing(.deviceRegister, body: registration), timeout: .seconds(3))
                let accepted: DeviceRegistered = try reply.body()
                logger.info("registered with the profiler")
                try await beat(every: .milliseconds(max(100, accepted.heartbeatMilliseconds)), clock)
            } catch is CancellationError {
                return
            } catch {
                if (error as? RuntimeError)?.code == .refused {
                    logger.error("the profiler refuses this device: \(error)")
                }
                try? await clock.sleep(for: .seconds(1))
            }
        }
    }

    private func beat(every interval: Duration, _ clock: SocketClock) async throws {
        while true {
            let body = DeviceHeartbeat(
                device: registration.device, worker: registration.worker, residentBytes: ProcessFacts.residentBytes())
            _ = try await client.request(Outgoing(.deviceHeartbeat, body: body), timeout: .seconds(3))
            try await clock.nextBeat(every: interval)
        }
    }
}

/// Keeps the worker known to the scheduler in the same way; what it serves is told again after a restart of the scheduler.
struct SchedulerSession {
    let client: ClientSocket
    let device: DeviceID
    let kind: WorkerKind
    let dataEndpoint: String
    /// What the run loop last said; without a value where it hangs: then the scheduler hears nothing either, and gives its work to others.
    let snapshot: SnapshotBox
    let logger: Logger

    /// How long an answer may take: a scheduler that has restarted should hear of this worker soon.
    private static let patience = Duration.seconds(1)

    func run(_ clock: SocketClock) async {
        while !Task.isCancelled {
            do {
                guard let now = snapshot.value else {
                    try await clock.sleep(for: Self.patience)
                    continue
                }
                let hello = WorkerHello(
                    device: device, worker: kind, dataEndpoint: dataEndpoint,
                    stages: now.stages, kvBlockTokens: KVCache.blockTokens, requests: now.held,
                    capabilities: [
                        Capability.sequenceMove, Capability.sequenceGrow, Capability.prefixReuse,
                        Capability.prefixHandover, Capability.stepGuesses, Capability.samplingGrammar,
                        Capability.samplingLogits,
                    ])
                let reply = try await client.request(
                    Outgoing(.workerHello, epoch: now.epoch, body: hello), timeout: Self.patience)
                let welcome: WorkerWelcome = try reply.body()
                logger.info("known to the scheduler")
                let interval = max(100, welcome.heartbeatMilliseconds)
                try await beat(
                    every: .milliseconds(interval),
                    idle: .milliseconds(max(interval, welcome.idleHeartbeatMilliseconds ?? interval)), clock)
            } catch is CancellationError {
                return
            } catch {
                logger.debug("scheduler: \(error)")
                try? await clock.sleep(for: .milliseconds(300))
            }
        }
    }

    private func beat(every interval: Duration, idle: Duration, _ clock: SocketClock) async throws {
        // What the scheduler was told last: it expects reports of a worker that has something to do sooner.
        var isIdle = false
        while true {
            if isIdle, idle > interval {
                try await snapshot.waitForWork(beat: idle, clock)
            } else {
                try await clock.nextBeat(every: interval)
            }
            isIdle = false
            guard let now = snapshot.value else { continue }
            var load = now.load
            load.residentBytes = ProcessFacts.residentBytes()
            let body = WorkerHeartbeat(device: device, worker: kind, load: load)
            _ = try await client.request(
                Outgoing(.workerHeartbeat, epoch: now.epoch, body: body), timeout: Self.patience)
            isIdle = load.isIdle
        }
    }
}
