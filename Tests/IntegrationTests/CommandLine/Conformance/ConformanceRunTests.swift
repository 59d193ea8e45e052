import Domain
import Foundation
import Messaging
import ServiceRuntime
import Testing

@testable import CommandLineTool
@testable import Profiler
@testable import Scheduler

/// The rules against our own services, over their sockets.
@Suite("Conformance: over sockets", .timeLimit(.minutes(5)))
struct ConformanceRunTests {
    private func broken(_ service: ConformanceRules.Service, at endpoint: String) async throws -> [String] {
        let run = ConformanceRun(endpoint: KeyedEndpoint(endpoint), setting: nil, keyring: nil, seconds: 60)
        return try await run.run(ConformanceRules.rules(service)).compactMap { result in
            result.problem.map { "\(result.rule): \($0)" }
        }
    }

    @Test func ourProfilerKeepsThem() async throws {
        let directory = NSTemporaryDirectory() + "conformance-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var configuration = ProfilerConfiguration(directory: directory)
        for setting in [EndpointSetting.registry, .fleet] { configuration.addresses[setting] = "tcp://127.0.0.1:*" }
        let service = ProfilerService.make(configuration, logger: PlannerWait.logger)
        let task = Task { try await service.run() }
        let endpoint = try await PlannerWait.until { service.bound[.registry] }
        #expect(try await broken(.profiler, at: endpoint) == [])
        task.cancel()
        try await task.value
    }

    @Test func ourSchedulerKeepsThem() async throws {
        var configuration = SchedulerConfiguration()
        for setting in [EndpointSetting.control, .state] { configuration.addresses[setting] = "tcp://127.0.0.1:*" }
        // Nobody is there: a cluster of this machine is not to be listened to.
        for setting in [EndpointSetting.fleet, .plan, .proposals] {
            configuration.addresses[setting] = "tcp://127.0.0.1:9"
        }
        let service = SchedulerService.make(configuration, logger: PlannerWait.logger)
        let task = Task { try await service.run() }
        let endpoint = try await PlannerWait.until { service.bound[.control] }
        #expect(try await broken(.scheduler, at: endpoint) == [])
        task.cancel()
        try await task.value
    }

    @Test func ourPartitionerKeepsThem() async throws {
        let context = try MessagingContext()
        let partitioner = try await RunningPartitioner.start(context)
        #expect(try await broken(.partitioner, at: partitioner.endpoint) == [])
        try await partitioner.stop()
        await context.terminate()
    }

    @Test func nobodyAnswers() async throws {
        let run = ConformanceRun(endpoint: KeyedEndpoint("tcp://127.0.0.1:9"), setting: nil, keyring: nil, seconds: 0.2)
        await #expect(throws: Failure.self) { try await run.run(ConformanceRules.rules(.gateway)) }
    }
}
