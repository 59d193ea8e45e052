import Domain
import Foundation
import Messaging
import Protocol
import Scenarios
import ServiceRuntime
import Synchronization

/// One run: services, emulated workers, and what is seen of them.
struct ControlBench: Sendable {
    /// The fleet that is emulated.
    var fleet: FleetStandIn
    /// Machines that the devices are spread over; `nil`: as many as devices.
    var hosts: Int?
    /// Seconds that are measured after the plan serves.
    var seconds: Double
    /// Longest wait for it.
    var waitSeconds: Double
    /// Where logs and profiles go.
    var directory: URL
    /// Settings of services as `key=value`.
    var settings: [String]

    /// What was published last.
    private final class Newest: Sendable {
        let bytes = Mutex<[String: Int]>([:])
        let state = Mutex<SchedulerState?>(nil)
    }

    func run() async throws -> ControlReport {
        let services = try ControlServices(directory: directory, devices: fleet.devices.count, settings: settings)
        return try await services.with { try await measure(services) }
    }

    private func measure(_ services: ControlServices) async throws -> ControlReport {
        // Two DEALERs a worker, and three SUBs.
        let context = try MessagingContext(maximumSockets: 4 * fleet.devices.count + 16)
        let thread = try context.makeThread(name: "workers")
        let tally = ControlTally(workers: 2 * fleet.devices.count)
        let newest = Newest()
        let surroundings = EmulatedWorker.Surroundings(
            registry: services.endpoints[.registry] ?? "", control: services.endpoints[.control] ?? "", fleet: fleet,
            tally: tally, hosts: hosts)
        let clock = thread.clock
        let workers = fleet.devices.enumerated().flatMap { number, device in
            WorkerKind.allCases.map { EmulatedWorker(device, number: number, $0, surroundings, clock: clock) }
        }
        let subscribers = try await subscribe(services, tally, newest, on: thread)
        let tasks = workers.map { worker in
            Task(executorPreference: thread.executor) { try? await worker.run(on: thread) }
        }
        let result: Result<ControlReport, any Error>
        do {
            result = .success(try await watch(services, workers, tally, newest))
        } catch {
            result = .failure(error)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        for subscriber in subscribers { await subscriber.close() }
        await context.terminate()
        return try result.get()
    }

    private func watch(
        _ services: ControlServices, _ workers: [EmulatedWorker], _ tally: ControlTally, _ newest: Newest
    ) async throws -> ControlReport {
        func counts() -> ControlCounts {
            workers.reduce(into: tally.counts) { counts, worker in
                for (socket, entry) in worker.counts.sockets {
                    counts.add(socket, messages: entry.messages, bytes: entry.bytes)
                }
            }
        }
        let first = try await services.figures()
        while tally.milestones[.settled] == nil, tally.seconds < waitSeconds {
            try await Task.sleep(for: .milliseconds(200))
            _ = try await services.figures()
        }
        let (joined, joinedCounts, second) = (tally.seconds, counts(), try await services.figures())
        try await Task.sleep(for: .seconds(seconds))
        let (ended, endCounts, third) = (tally.seconds, counts(), try await services.figures())
        let plan = newest.state.withLock { $0?.plan }
        return ControlReport(
            devices: fleet.devices.count, model: fleet.model.name,
            milestones: tally.milestones.reduce(into: [:]) { $0[$1.key.rawValue] = $1.value },
            joining: ControlReport.Phase(seconds: joined, counts: joinedCounts, before: first, after: second),
            steady: ControlReport.Phase(
                seconds: ended - joined, counts: endCounts.since(joinedCounts), before: second, after: third),
            published: newest.bytes.withLock { $0 }, replicas: plan?.replicas.count ?? 0,
            planned: Set(plan?.replicas.flatMap(\.stages).map(\.device) ?? []).count)
    }

    // MARK: - What is published

    private func subscribe(
        _ services: ControlServices, _ tally: ControlTally, _ newest: Newest, on thread: SocketThread
    ) async throws -> [SubscriberSocket] {
        let count = fleet.devices.count
        let topics: [(EndpointSetting, MessageType)] = [
            (.fleet, .fleetSnapshot), (.proposals, .planProposal), (.state, .schedulerState),
        ]
        var subscribers: [SubscriberSocket] = []
        for (setting, type) in topics {
            let socket = try await SubscriberSocket.connect(
                to: services.endpoints[setting] ?? "", topics: [type.rawValue], on: thread)
            subscribers.append(socket)
            Task {
                for await message in socket.messages where message.frames.count == 3 {
                    let body = message.frames[2].bytes
                    tally.published(type.rawValue, bytes: message.frames.reduce(0) { $0 + $1.count })
                    newest.bytes.withLock { $0[type.rawValue] = body.count }
                    switch type {
                    case .fleetSnapshot: if Self.readyDevices(body) >= count { tally.reached(.ready) }
                    case .planProposal: tally.reached(.planned)
                    default: Self.note(body, tally, newest)
                    }
                }
            }
        }
        return subscribers
    }

    /// Ready devices in the text of a snapshot, which may have megabytes and need not be read in full for that.
    static func readyDevices(_ body: [UInt8]) -> Int {
        let mark = Array(#""state":"ready""#.utf8)
        return Data(body).count(of: mark)
    }

    private static func note(_ body: [UInt8], _ tally: ControlTally, _ newest: Newest) {
        guard let state = try? JSONDecoder().decode(SchedulerState.self, from: Data(body)) else { return }
        newest.state.withLock { $0 = state }
        guard state.ready else { return }
        tally.reached(.serving)
        if tally.milestones[.ready] != nil { tally.reached(.settled) }
    }
}

extension Data {
    /// How often some bytes occur.
    fileprivate func count(of bytes: [UInt8]) -> Int {
        let mark = Data(bytes)
        var (found, from) = (0, startIndex)
        while let range = range(of: mark, in: from..<endIndex) {
            found += 1
            from = range.upperBound
        }
        return found
    }
}
