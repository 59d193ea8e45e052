import Scheduling
import ServiceRuntime
import Testing

@testable import Scheduler

@Suite("Scheduler: settings that belong together")
struct SchedulerConfigurationTests {
    private func read(_ heartbeat: Int, _ lost: Double) throws -> SchedulerConfiguration {
        let given = ["scheduler.heartbeat_ms=\(heartbeat)", "scheduler.worker_lost_s=\(lost)"]
        return try SchedulerConfiguration(
            reader: Settings(keys: SchedulerConfiguration.keys, arguments: given, environment: [:]))
    }

    @Test("a worker is not lost before three heartbeats", arguments: [(667, 2.0), (500, 1.499), (60_000, 179.0)])
    func lessThanThreeHeartbeatsAreRefused(heartbeat: Int, lost: Double) throws {
        let error = try #require(throws: RuntimeError.self) { try read(heartbeat, lost) }
        #expect(error.code == .badSetting)
        #expect(
            error.message == """
                scheduler.worker_lost_s (\(lost) s) must be at least 3 times scheduler.heartbeat_ms (\(heartbeat) ms), \
                which is \(Double(3 * heartbeat) / 1000) s
                """)
    }

    @Test("three heartbeats are enough", arguments: [(500, 1.5), (190, 0.57), (666, 2.0), (60_000, 180.0)])
    func threeHeartbeatsAreEnough(heartbeat: Int, lost: Double) throws {
        let configuration = try read(heartbeat, lost)
        #expect(configuration.heartbeatMilliseconds == heartbeat)
        #expect(configuration.scheduling.workerLostSeconds == lost)
    }

    @Test(
        "a worker without work may miss as many reports as another one",
        arguments: [(500, 2000, 8.0), (1000, 2000, 6.0), (1000, 500, 3.0)])
    func idleWorkers(heartbeat: Int, idle: Int, lost: Double) throws {
        let given = [
            "scheduler.heartbeat_ms=\(heartbeat)", "scheduler.idle_heartbeat_ms=\(idle)",
            "scheduler.worker_lost_s=\(heartbeat == 500 ? 2 : 3)",
        ]
        let configuration = try SchedulerConfiguration(
            reader: Settings(keys: SchedulerConfiguration.keys, arguments: given, environment: [:]))
        #expect(configuration.idleHeartbeatMilliseconds == max(heartbeat, idle))
        #expect(configuration.scheduling.idleWorkerLostSeconds == lost)
    }

    @Test("routing and batches are chosen by name, unknown names are refused with the known ones")
    func routingByName() throws {
        func read(_ given: String) throws -> SchedulingConfiguration {
            try SchedulerConfiguration(
                reader: Settings(keys: SchedulerConfiguration.keys, arguments: [given], environment: [:])
            ).scheduling
        }
        for policy in RoutingPolicy.allCases {
            #expect(try read("scheduler.routing=\(policy.rawValue)").policy == policy)
        }
        let routing = try #require(throws: RuntimeError.self) { try read("scheduler.routing=splitwise") }
        for policy in RoutingPolicy.allCases { #expect(routing.message.contains(policy.rawValue)) }
        #expect(try read("fleet.largest_batch=planned").largestBatch == .planned)
        #expect(try read("fleet.largest_batch=16").largestBatch == .fixed(16))
        let batch = try #require(throws: RuntimeError.self) { try read("fleet.largest_batch=many") }
        #expect(batch.message == "fleet.largest_batch must be \(DecodeLimit.names), not many")
    }
}
