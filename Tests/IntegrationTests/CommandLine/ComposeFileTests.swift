import Foundation
import Testing

@testable import CommandLineTool

@Suite struct ComposeFileTests {
    private static let compose = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("compose")

    /// The file in the repository is what the command writes.
    @Test func theCheckedInFileIsWrittenFromItsFleet() throws {
        let fleet = try LaunchFleetFile.read(Self.compose.appendingPathComponent("fleets/containers.yaml").path)
        let text = try String(contentsOf: Self.compose.appendingPathComponent("compose.yaml"), encoding: .utf8)
        #expect(ComposeFile(fleet: fleet, name: "containers.yaml").text == text)
    }

    @Test func aFleetBecomesServices() throws {
        let path = NSTemporaryDirectory() + "fleet-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try """
        settings: {worker.lease_s: "60", fleet.chunk_tokens: "128", scheduler.routing: round-robin}
        devices:
          - {id: pi, count: 3, threads: 4, memory_limit: 1G}
          - {id: nuc}
        """.write(toFile: path, atomically: true, encoding: .utf8)
        let file = ComposeFile(fleet: try LaunchFleetFile.read(path), name: "f.yaml")
        #expect(file.scale == " --scale pi=3")
        for part in [
            "  pi:\n", "  nuc:\n", "E2LLM_WORKER_THREADS: \"4\"", "E2LLM_WORKER_LEASE_S: \"60\"",
            "E2LLM_FLEET_CHUNK_TOKENS: \"128\"", "E2LLM_SCHEDULER_ROUTING: \"round-robin\"", "mem_limit: 2144M",
            "cpus: 4.0",
        ] { #expect(file.text.contains(part), "\(part)") }
        #expect(!file.text.contains("E2LLM_CLUSTERER_ROLES"))
    }
}
