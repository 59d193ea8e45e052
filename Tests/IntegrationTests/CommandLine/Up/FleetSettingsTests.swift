import Foundation
import Testing

@testable import CommandLineTool

@Suite("Command line: settings of a fleet")
struct FleetSettingsTests {
    @Test("what no process has is refused, with what was meant")
    func refused() {
        for (setting, text) in [
            ("gatway.port=1", "(did you mean gateway?)"), ("nonsense", "--set takes key=value, not nonsense"),
            ("wroker.threads=1", "(did you mean worker?)"), ("gateway=1", "gateway=1 is no setting"),
            ("endpoints.plan=x", "sections are"), ("=1", "sections are"),
            ("gateway.port=1", "gateway.port is decided by --port"), ("worker.model=x", "is decided by --model"),
            ("gateway.api_keys=sk-1", "everybody on this machine can read: use gateway.api_key_file"),
        ] {
            let error = #expect(throws: Failure.self) { try ClusterLaunch.check(["model.alias=x", setting]) }
            #expect(error?.kind == .usage && error?.description.contains(text) == true)
        }
    }

    @Test("streams have the time that the last setting says")
    func drain() {
        #expect(ClusterLaunch.drain([]) == .seconds(30))
        #expect(ClusterLaunch.drain(["gateway.drain_s=5", "fleet.drain_s=9", "gateway.drain_s=7"]) == .seconds(7))
        #expect(ClusterLaunch.drain(["gateway.drain_s=-5"]) == .zero)
        #expect(ClusterLaunch.drain(["gateway.drain_s=1e99"]) == .seconds(600))
    }

    @Test("settings that some process has are taken")
    func taken() {
        let settings = [
            "model.alias=x", "gateway.stall_s=60", "worker.threads=2", "fleet.drain_s=1", "scheduler.routing=a=b",
        ]
        #expect(throws: Never.self) { try ClusterLaunch.check(settings) }
    }

    @Test("misspelt keys of a fleet file are told what was meant")
    func fleetFile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("fleet-\(UUID().uuidString).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (text, reason) in [
            ("devices:\n  - {id: a, treads: 1}\n", "treads in device a (did you mean threads?)"),
            ("device:\n  - {id: a}\n", "unknown key device (did you mean devices?)"),
            (
                "devices:\n  - {id: a}\nservices:\n  gatway: ./x\n",
                "services.gatway is no service (did you mean gateway?)"
            ),
        ] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: Failure.self) { try LaunchFleetFile.read(path) }
            #expect(error?.description.hasSuffix(reason) == true)
        }
    }
}
