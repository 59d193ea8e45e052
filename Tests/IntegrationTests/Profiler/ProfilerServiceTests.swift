import Domain
import Foundation
import Messaging
import Protocol
import ServiceRuntime
import Synchronization
import Testing

@testable import Profiler

/// A worker that registers, sends heartbeats and answers measurements.
private final class FakeWorker: Sendable {
    /// Measurements that it was asked for.
    let measured = Mutex<[String]>([])
    private let client = Mutex<ClientSocket?>(nil)
    private let beats = Mutex<Task<Void, Never>?>(nil)

    static func start(
        _ device: DeviceID, _ kind: WorkerKind, at registry: String, _ context: MessagingContext,
        model: ModelDescription = ProfilerWorld.model()
    ) async throws -> FakeWorker {
        let worker = FakeWorker()
        let client = try await ClientSocket.connect(
            to: registry, on: try context.makeThread(name: "worker"), session: Session(), name: "\(device)"
        ) { [weak worker] message in
            await worker?.answer(message, device, kind)
        }
        worker.client.withLock { $0 = client }
        let registration = ProfilerWorld.registration(device, kind, host: "host-\(device)", model: model)
        let beats = Task {
            while !Task.isCancelled {
                do {
                    _ = try await client.request(Outgoing(.deviceRegister, body: registration), timeout: .seconds(1))
                    while !Task.isCancelled {
                        let body = DeviceHeartbeat(device: device, worker: kind, residentBytes: 1)
                        _ = try await client.request(Outgoing(.deviceHeartbeat, body: body), timeout: .seconds(1))
                        try await Task.sleep(for: .milliseconds(100))
                    }
                } catch {
                    try? await Task.sleep(for: .milliseconds(50))
                }
            }
        }
        worker.beats.withLock { $0 = beats }
        return worker
    }

    private func answer(_ message: WireMessage, _ device: DeviceID, _ kind: WorkerKind) async {
        measured.withLock { $0.append(message.type.rawValue) }
        guard let client = client.withLock({ $0 }) else { return }
        switch message.type {
        case .profileMeasure:
            try? await client.reply(to: message, Outgoing(.profileResult, body: ProfilerWorld.tables(kind)))
        case .linkMeasure:
            guard let order = try? message.body(as: MeasureLink.self) else { return }
            let link = LinkProfile(from: device, to: order.peer, latencySeconds: 1e-3, bytesPerSecond: 1e7)
            try? await client.reply(to: message, Outgoing(.linkResult, body: LinkResult(link: link)))
        default:
            try? await client.reply(to: message, error: Fault("unknown_type", "unknown"))
        }
    }

    func stop() async {
        let task = beats.withLock { $0 }
        task?.cancel()
        await task?.value
        await client.withLock { $0 }?.close()
    }
}

/// A profiler on free ports.
private struct RunningProfiler {
    let registry: String
    let fleet: String
    private let task: Task<Void, any Error>

    static func start(
        _ context: MessagingContext, directory: String, registry: String = "tcp://127.0.0.1:*",
        fleet: String = "tcp://127.0.0.1:*"
    ) async throws -> RunningProfiler {
        var configuration = ProfilerConfiguration(directory: directory)
        configuration.addresses[.registry] = registry
        configuration.addresses[.fleet] = fleet
        configuration.limits.heartbeatSeconds = 0.3
        configuration.limits.graceSeconds = 0.5
        let service = ProfilerService.make(configuration, context: context, logger: PlannerWait.logger)
        let task = Task { try await service.run() }
        let registry = try await PlannerWait.until { service.bound[.registry] }
        let fleet = try await PlannerWait.until { service.bound[.fleet] }
        return RunningProfiler(registry: registry, fleet: fleet, task: task)
    }

    func stop() async throws {
        task.cancel()
        try await task.value
    }
}

@Suite("Profiler: over sockets", .timeLimit(.minutes(3)))
struct ProfilerServiceTests {
    private func temporary() -> String { NSTemporaryDirectory() + "profiler-\(UUID().uuidString)" }

    @Test("workers register and are measured, subscribers see the fleet, a restart measures nothing, losses are seen")
    func wholeLife() async throws {
        let directory = temporary()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let context = try MessagingContext()
        var profiler = try await RunningProfiler.start(context, directory: directory)
        try await PlannerGarbage.send(to: profiler.registry, context)
        let latest = Mutex<Fleet?>(nil)
        let subscriber = try await StateSubscriber.connect(
            to: profiler.fleet, topics: [MessageType.fleetSnapshot.rawValue],
            on: try context.makeThread(name: "sub")
        ) { message in
            if let fleet = try? message.body(as: Fleet.self) { latest.withLock { $0 = fleet } }
        }
        var workers: [FakeWorker] = []
        for (device, kind) in [("a", WorkerKind.prefill), ("a", .decode), ("b", .prefill), ("b", .decode)] {
            workers.append(try await FakeWorker.start(DeviceID(device), kind, at: profiler.registry, context))
        }
        let fleet = try await PlannerWait.until { latest.withLock { $0.flatMap(Self.complete) } }
        #expect(fleet.devices.map(\.id) == ["a", "b"])
        #expect(fleet.device("a")?.measurements?.decode == ProfilerWorld.tables(.decode).decode)
        #expect(workers.map { $0.measured.withLock { $0.count(where: { $0 == "profile.measure" }) } } == [1, 1, 1, 1])

        // The same port again: the workers come back by themselves, nothing is measured again.
        let bound = profiler
        try await profiler.stop()
        latest.withLock { $0 = nil }
        profiler = try await RunningProfiler.start(
            context, directory: directory, registry: bound.registry, fleet: bound.fleet)
        let again = try await PlannerWait.until { latest.withLock { $0.flatMap(Self.complete) } }
        #expect(again.version > fleet.version)
        #expect(again.devices == fleet.devices)
        #expect(workers.map { $0.measured.withLock { $0.count(where: { $0 == "profile.measure" }) } } == [1, 1, 1, 1])

        await workers[2].stop()
        await workers[3].stop()
        _ = try await PlannerWait.until {
            latest.withLock { $0?.device("b")?.state == .lost && $0?.device("a")?.state == .ready ? true : nil }
        }
        await workers[0].stop()
        await workers[1].stop()
        await subscriber.close()
        try await profiler.stop()
        await context.terminate()
    }

    @Test("other models are refused by name, unknown types are answered, an unwritable directory does not matter")
    func refusals() async throws {
        let file = temporary()
        try Data("x".utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let context = try MessagingContext()
        let profiler = try await RunningProfiler.start(context, directory: file + "/below")
        let worker = try await FakeWorker.start("a", .decode, at: profiler.registry, context)
        let client = try await ClientSocket.connect(
            to: profiler.registry, on: try context.makeThread(name: "client"), session: Session())
        let fleet: Fleet = try await PlannerWait.until {
            let fleet: Fleet = try await client.request(Outgoing(.fleetGet), timeout: .seconds(5)).body()
            return fleet.device("a")?.state == .ready ? fleet : nil
        }
        #expect(fleet.device("a")?.measurements?.prefill.isEmpty == true)
        let other = ProfilerWorld.registration("b", .decode, model: ProfilerWorld.model(digest: "other"))
        await #expect {
            _ = try await client.request(Outgoing(.deviceRegister, body: other), timeout: .seconds(5))
        } throws: { error in
            let reported = (error as? RuntimeError)?.reported
            return reported?.code == "model_mismatch" && reported?.message.contains("other") == true
        }
        await #expect {
            _ = try await client.request(Outgoing(.planRequest), timeout: .seconds(5))
        } throws: { ($0 as? RuntimeError)?.reported?.code == "unknown_type" }
        await worker.stop()
        await client.close()
        try await profiler.stop()
        await context.terminate()
    }

    private static func complete(_ fleet: Fleet) -> Fleet? {
        fleet.devices.count == 2 && fleet.devices.allSatisfy { $0.state == .ready && $0.workers.count == 2 }
            && fleet.links.count == 2 ? fleet : nil
    }
}
