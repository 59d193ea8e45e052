import Domain
import Foundation
import Messaging
import ServiceRuntime
import StageRuntime
import Testing

@testable import CommandLineTool

@Suite("Command line: devices of a fleet file")
struct FleetDevicesTests {
    private func read(_ text: String) throws -> LaunchFleetFile {
        let path = NSTemporaryDirectory() + "devices-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try LaunchFleetFile.read(path)
    }

    @Test("devices are counted, and their settings are those of a worker")
    func settings() throws {
        let fleet = try read(
            """
            devices:
              - {id: desktop, count: 2, threads: 3, compute_share: 0.8, memory_limit: 512M}
              - {id: pi, link_rate: 100M, link_latency_ms: 1.5}
            roles: split
            services:
              clusterer: ./my-clusterer
            settings:
              clusterer.seed: 7
            """)
        #expect(fleet.expanded.map(\.id) == ["desktop-1", "desktop-2", "pi"])
        #expect(fleet.roles == "split" && fleet.services == ["clusterer": "./my-clusterer"])
        #expect(fleet.settings == ["clusterer.seed": "7"])
        let workers = try fleet.expanded.map { id, device in
            let arguments = device.settings + ["worker.device=\(id)", "worker.model=m"]
            return try WorkerConfiguration(
                kind: .decode,
                settings: Settings(keys: WorkerConfiguration.keys, arguments: arguments, environment: [:]))
        }
        #expect(workers.map(\.device) == ["desktop-1", "desktop-2", "pi"])
        #expect(workers[0].threads == 3 && workers[0].computeShare == 0.8 && workers[0].link == nil)
        #expect(workers[1].memoryLimitBytes == 512 << 20)
        #expect(workers[2].link?.bytesPerSecond == Double(100 << 20))
        #expect(workers[2].link?.latency == .seconds(0.0015) && workers[2].computeShare == 1)
    }

    @Test("what a device cannot have is named")
    func refused() {
        for (text, reason) in [
            ("devices: []", "devices is empty"), ("- a", "is not a map with the key devices"),
            ("roles: split", "devices is missing"), ("devices:\n  - {threads: 1}", "id is missing"),
            ("devices:\n  - {id: a, count: 0}", "a.count must be 1 to 256, not 0"),
            ("devices:\n  - {id: a, threads: 0}", "a.threads must be 1 to 1024, not 0"),
            ("devices:\n  - {id: a, compute_share: 0.01}", "a.compute_share must be 0.05 to 1, not 0.01"),
            ("devices:\n  - {id: a, memory_limit: lots}", "a.memory_limit must be a size such as 512M, not lots"),
            ("devices:\n  - {id: a, link_rate: -1}", "a.link_rate must be a size such as 512M, not -1"),
            ("devices:\n  - {id: a, link_latency_ms: -1}", "a.link_latency_ms must be 0 to 60000, not -1.0"),
            ("devices:\n  - {id: a-1}\n  - {id: a, count: 2}", "the device id a-1 appears twice"),
            ("devices:\n  - {id: a}\nroles: both", "roles must be one of auto, any, uniform, split, mixed, not both"),
        ] {
            let error = #expect(throws: Failure.self) { try read(text) }
            #expect(error?.kind == .usage && error?.description.hasSuffix(reason) == true, "\(text): \(error as Any)")
        }
    }
}
