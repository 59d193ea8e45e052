import Domain
import Foundation
import Planning
import Scheduling
import ServiceRuntime
import Simulation
import StageRuntime
import Testing

@testable import Clusterer
@testable import Gateway
@testable import Partitioner
@testable import Profiler
@testable import Scheduler

/// Defaults stand in the tables of settings, where help and README take them from, and in the configuration types, where
/// tests and simulations take them from. With nothing set, both must say the same.
@Suite("Settings: defaults")
struct SettingDefaultsTests {
    private func settings(_ keys: [SettingKey], _ given: [String] = []) throws -> Settings {
        #expect(Set(keys.map(\.name)).count == keys.count, "a key is in the table twice")
        return try Settings(keys: keys, arguments: given, environment: [:])
    }

    /// `Addresses` keeps what was read, not what it means.
    private func expectDefaults(_ read: Addresses, sourceLocation: SourceLocation = #_sourceLocation) {
        let made = Addresses()
        for setting in EndpointSetting.allCases {
            #expect(read[setting] == made[setting], sourceLocation: sourceLocation)
            #expect(read.bind(setting) == made.bind(setting), sourceLocation: sourceLocation)
        }
        #expect(read.keyring == nil, sourceLocation: sourceLocation)
    }

    @Test func differencesAreFound() {
        var other = SchedulerConfiguration()
        other.scheduling.driftFactor = 3
        other.scheduling.contextTokens = 7
        other.heartbeatMilliseconds = 1
        let differences = StoredValues.differences(
            SchedulerConfiguration(), other, leavingOut: ["heartbeatMilliseconds"])
        #expect(differences == ["scheduling.contextTokens: nil, Optional(7)", "scheduling.driftFactor: 1.5, 3.0"])
    }

    @Test func ofTheProfiler() throws {
        let read = try ProfilerConfiguration(reader: settings(ProfilerConfiguration.keys))
        let made = ProfilerConfiguration(directory: ProfilerConfiguration.defaultDirectory())
        #expect(StoredValues.differences(read, made, leavingOut: ["addresses"]) == [])
        expectDefaults(read.addresses)
    }

    @Test func ofThePartitioner() throws {
        let read = try PartitionerConfiguration(reader: settings(PartitionerConfiguration.keys))
        #expect(StoredValues.differences(read, PartitionerConfiguration(), leavingOut: ["addresses"]) == [])
        expectDefaults(read.addresses)
    }

    /// How many tokens a second every request should get depends on who searches.
    @Test(arguments: PlanningAlgorithm.allCases)
    func ofTheClusterer(algorithm: PlanningAlgorithm) throws {
        let given = algorithm == .standard ? [] : ["clusterer.algorithm=\(algorithm.rawValue)"]
        let read = try ClustererConfiguration(reader: settings(ClustererConfiguration.keys, given))
        var made = ClustererConfiguration()
        #expect(made.search.algorithm == .standard)
        made.search.algorithm = algorithm
        let speed = "search.limits.minimumTokensPerSecond"
        #expect(StoredValues.differences(read, made, leavingOut: ["addresses", speed]) == [])
        #expect(
            read.search.limits.minimumTokensPerSecond
                == (algorithm.isGenetic ? PlanningOptions().minimumTokensPerSecond : 0))
        expectDefaults(read.addresses)
    }

    @Test func ofTheScheduler() throws {
        let read = try SchedulerConfiguration(reader: settings(SchedulerConfiguration.keys))
        #expect(StoredValues.differences(read, SchedulerConfiguration(), leavingOut: ["addresses"]) == [])
        #expect(read.scheduling == SchedulingConfiguration())
        expectDefaults(read.addresses)
    }

    @Test func ofTheGateway() throws {
        let read = try GatewayConfiguration(reader: settings(GatewayConfiguration.keys, ["model.path=m"]))
        let made = GatewayConfiguration(modelPath: "m")
        #expect(StoredValues.differences(read, made, leavingOut: ["addresses"]) == [])
        expectDefaults(read.addresses)
    }

    /// A worker's configuration is only ever read: its defaults stand in the table alone, or come from the machine.
    @Test(arguments: WorkerKind.allCases)
    func ofTheWorkers(kind: WorkerKind) throws {
        let read = try WorkerConfiguration(kind: kind, settings: settings(WorkerConfiguration.keys, ["worker.model=m"]))
        #expect(read.kind == kind && read.modelPath == "m")
        #expect(read.device.rawValue == ProcessInfo.processInfo.hostName && !read.host.isEmpty)
        #expect(read.threads == ProcessInfo.processInfo.activeProcessorCount && read.computeShare == 1)
        #expect(read.batching == .chunks && read.largestBatch == SchedulingConfiguration().largestBatch)
        #expect(read.memoryLimitBytes > WorkerConfiguration.overheadBytes)
        #expect(read.memoryUsableBytes == read.memoryLimitBytes - WorkerConfiguration.overheadBytes)
        #expect(read.link == nil && read.dataAnnounce == nil && read.dataBind == "tcp://127.0.0.1:*")
        #expect(read.leaseSeconds == 90)
        expectDefaults(read.addresses)
    }

    /// What several services must agree on.
    @Test func ofTheFleet() throws {
        let worker = try WorkerConfiguration(
            kind: .prefill, settings: settings(WorkerConfiguration.keys, ["worker.model=m"]))
        #expect(worker.maxBatchedTokens == SchedulingConfiguration().chunkTokens)
        #expect(worker.maxBatchedTokens == PlanningOptions().chunkTokens)
        #expect(MovingPolicy().mostDrainSeconds == SchedulingConfiguration().drainSeconds)
        let changed = ["fleet.chunk_tokens=96", "fleet.drain_s=7"]
        let scheduler = try SchedulerConfiguration(reader: settings(SchedulerConfiguration.keys, changed))
        #expect(scheduler.scheduling.chunkTokens == 96 && scheduler.scheduling.drainSeconds == 7)
        let clusterer = try ClustererConfiguration(reader: settings(ClustererConfiguration.keys, changed))
        #expect(clusterer.search.limits.chunkTokens == 96 && clusterer.search.moving.mostDrainSeconds == 7)
    }
}
