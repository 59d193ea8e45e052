import Domain
import Glibc
import Messaging
import Protocol
import ServiceRuntime

/// Asks the workers of the plan what they have computed, once a second, while somebody wants to see it; else it has no connections.
struct StepFeed: Sendable {
    let events: ClusterEvents
    let cluster: ClusterView
    let sockets: ServiceSockets<GatewayEvent>

    private static let interval = Duration.seconds(1)
    /// Each answer reaches back over the one before, so that none is missed where one comes late.
    private static let reach = 2.5
    private static let mostMoments = 2048
    private static let mostWorkers = 256

    /// A worker that is asked.
    private struct Source: Sendable {
        var client: ClientSocket
        /// The clock of the moments that were told, in its time.
        var since = 0
    }

    /// What a worker answered.
    private struct Answer: Sendable {
        var worker: Worker
        var told: (trace: ServiceTrace, clock: ClockOffset)?
    }

    private struct Worker: Sendable, Hashable {
        var device: DeviceID
        var endpoint: String
    }

    /// Runs until it is cancelled.
    func run() async {
        var sources: [Worker: Source] = [:]
        while (try? await Task.sleep(for: Self.interval)) != nil {
            guard events.wantsSteps else {
                for source in sources.values { await source.client.close() }
                sources = [:]
                continue
            }
            let workers = workers
            for (worker, source) in sources where !workers.contains(worker) {
                await source.client.close()
                sources[worker] = nil
            }
            for worker in workers where sources[worker] == nil {
                let client = try? await ClientSocket.connect(
                    announced: worker.endpoint, keyring: sockets.addresses.keyring, on: sockets.thread,
                    session: sockets.session, name: "gateway")
                if let client { sources[worker] = Source(client: client) }
            }
            var report = StepReport()
            for answer in await ask(sources) {
                guard let (trace, clock) = answer.told else {
                    report.missing(answer.worker.device)
                    continue
                }
                let since = sources[answer.worker]?.since ?? 0
                report.add(trace, of: answer.worker.device, clock: clock, since: since)
                let newest = trace.moments.last?.atMicroseconds ?? 0
                if trace.isPlausible { sources[answer.worker]?.since = max(since, newest) }
            }
            events.take(steps: report.json(now: Self.microseconds()))
        }
        for source in sources.values { await source.client.close() }
    }

    /// The live workers of the plan's stages.
    private var workers: Set<Worker> {
        let known = cluster.known
        guard let plan = known.scheduler?.plan, let fleet = known.fleet else { return [] }
        var workers: Set<Worker> = []
        for replica in plan.replicas {
            for stage in replica.stages where workers.count < Self.mostWorkers {
                let kind: WorkerKind = replica.role == .prefill ? .prefill : .decode
                if let endpoint = fleet.device(stage.device)?.worker(kind)?.endpoint {
                    workers.insert(Worker(device: stage.device, endpoint: endpoint))
                }
            }
        }
        return workers
    }

    private func ask(_ sources: [Worker: Source]) async -> [Answer] {
        await withTaskGroup(of: Answer.self) { group in
            for (worker, source) in sources {
                group.addTask {
                    let sent = Self.microseconds()
                    let start = ContinuousClock.now
                    let question = TraceQuestion(seconds: Self.reach, limit: Self.mostMoments)
                    guard
                        let reply = try? await source.client.request(
                            Outgoing(.traceGet, body: question), timeout: Self.interval),
                        let trace = try? reply.body(as: ServiceTrace.self), trace.isPlausible
                    else { return Answer(worker: worker) }
                    let elapsed = Int(start.duration(to: reply.arrived) / .microseconds(1))
                    let clock = ClockOffset(sent: sent, received: sent + elapsed, told: trace.clockMicroseconds)
                    return Answer(worker: worker, told: (trace, clock))
                }
            }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.worker.device < $1.worker.device }
        }
    }

    private static func microseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}
