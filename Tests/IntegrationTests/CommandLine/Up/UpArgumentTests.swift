import ArgumentParser
import Foundation
import Glibc
import ServiceRuntime
import TestSupport
import Testing

@testable import CommandLineTool

/// Arguments of `up` and `device`. What they check before a process starts depends on the environment and sets up the
/// log, so it is looked at in processes of their own.
@Suite("Command line: arguments of up", .timeLimit(.minutes(2)))
struct UpArgumentTests {
    @Test("options that may be repeated are all taken; the others have the defaults of the help")
    func parsed() throws {
        let arguments = ["up", "--model", "m.gguf", "--fleet", "f.yaml"]
        let plain = try #require(try E2LLMCommand.parseAsRoot(arguments) as? UpCommand)
        #expect(plain.model == "m.gguf" && plain.fleet == "f.yaml" && plain.port == 8080 && plain.logLevel == "info")
        #expect(plain.replace.isEmpty && plain.set.isEmpty)
        #expect(plain.listen == nil && plain.basePort == nil && plain.directory == nil)
        let more = ["--replace", "gateway=./g", "--replace", "decoder-worker=./d", "--set", "clusterer.seed=7"]
        let full = try #require(try E2LLMCommand.parseAsRoot(arguments + more) as? UpCommand)
        #expect(full.replace == ["gateway=./g", "decoder-worker=./d"] && full.set == ["clusterer.seed=7"])
        #expect(throws: (any Error).self) { try E2LLMCommand.parseAsRoot(["up", "--model", "m"]) }
    }

    @Test("--replace names a service and an executable, and wins over the fleet file")
    func replace() async {
        await #expect(processExitsWith: .success) {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("up-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            setenv("XDG_STATE_HOME", folder.appendingPathComponent("state").path, 1)
            let (model, fleet) = (folder.appendingPathComponent("m.gguf"), folder.appendingPathComponent("f.yaml"))
            try TinyModel().write(to: model.path)
            try "devices:\n  - {id: a}\n".write(to: fleet, atomically: true, encoding: .utf8)
            let port = try FreePorts.take(1)[0]
            func launch(_ more: [String]) throws {
                let arguments = ["up", "--model", model.path, "--fleet", fleet.path, "--port", "\(port)"] + more
                _ = try ClusterLaunch(try #require(try E2LLMCommand.parseAsRoot(arguments) as? UpCommand))
            }
            for (text, reason) in [
                ("gateway", "--replace takes service=path, not gateway"),
                ("gatway=/bin/sh", "gatway is no service; services are profiler, "),
                ("=/bin/sh", " is no service; services are "),
                ("gateway=/nowhere/g", "/nowhere/g is not an executable file"),
                ("gateway=/nowhere/a=b", "/nowhere/a=b is not an executable file"),
                ("gateway=\(fleet.path)", "\(fleet.path) is not an executable file"),
            ] {
                let error = #expect(throws: Failure.self) { try launch(["--replace", text]) }
                #expect(error?.kind == .usage, "\(text)")
                #expect(error?.description.contains(reason) == true, "\(text): \(error as Any)")
            }
            // Of two the last one counts.
            let twice = #expect(throws: Failure.self) {
                try launch(["--replace", "gateway=/bin/sh", "--replace", "gateway=/nowhere/g"])
            }
            #expect(twice?.kind == .usage)
            try "devices:\n  - {id: a}\nservices:\n  gateway: /nowhere/g\n".write(
                to: fleet, atomically: true, encoding: .utf8)
            let file = #expect(throws: Failure.self) { try launch([]) }
            #expect(file?.kind == .usage && file?.description == "/nowhere/g is not an executable file")
            do {
                try launch(["--replace", "gateway=/bin/sh"])
            } catch let error as Failure {
                // The services are not beside every test runner; the one that was replaced is not missed.
                #expect(error.kind == .failed && error.description.hasPrefix("the executable of "))
                #expect(!error.description.contains("gateway"))
            }
        }
    }

    @Test("what is wrong with the other options is said before anything starts")
    func options() async {
        await #expect(processExitsWith: .success) {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("up-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            setenv("XDG_STATE_HOME", folder.appendingPathComponent("state").path, 1)
            let fleet = folder.appendingPathComponent("f.yaml")
            try "devices:\n  - {id: a}\n".write(to: fleet, atomically: true, encoding: .utf8)
            func refusal(_ more: [String], fleet: String) throws -> Failure? {
                let arguments = ["up", "--model", "/nowhere.gguf", "--fleet", fleet] + more
                let command = try #require(try E2LLMCommand.parseAsRoot(arguments) as? UpCommand)
                return #expect(throws: Failure.self) { try ClusterLaunch(command) }
            }
            for (more, reason) in [
                (["--log-level", "loud"], "--log-level must be trace, "),
                (["--port", "0"], "--port must be 1 to 65535"), (["--port", "65536"], "--port must be 1 to 65535"),
                (["--set", "gateway.port=1"], "is decided by --port"),
            ] {
                let error = try refusal(more, fleet: fleet.path)
                #expect(error?.kind == .usage && error?.description.contains(reason) == true, "\(error as Any)")
            }
            let missing = try refusal([], fleet: "/nowhere.yaml")
            #expect(missing?.kind == .usage && missing?.description.contains("/nowhere.yaml: cannot be read") == true)
            let model = try refusal([], fleet: fleet.path)
            #expect(model?.kind == .failed && model?.description.hasPrefix("/nowhere.gguf: ") == true)
        }
    }

    @Test("--executable of a device takes its two workers only")
    func executable() async {
        await #expect(processExitsWith: .success) {
            for text in ["gateway=/bin/sh", "/bin/sh", "decoder=/bin/sh"] {
                let command = try #require(
                    try E2LLMCommand.parseAsRoot(["device", "--executable", text]) as? DeviceCommand)
                let code = await #expect(throws: ExitCode.self) { try await command.run() }
                #expect(code == ExitCode(Failure.Kind.usage.rawValue))
            }
        }
    }

    @Test("ports of a cluster are free, and different")
    func ports() throws {
        let ports = try FreePorts.take(8)
        #expect(Set(ports).count == 8 && ports.allSatisfy { (1...65535).contains($0) })
        if let range = FreePorts.quietRange { #expect(ports.allSatisfy(range.contains)) }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try #require(bind(listener, generic, length) == 0 && getsockname(listener, generic, &length) == 0)
            }
        }
        try #require(listen(listener, 1) == 0)
        #expect(!FreePorts.isFree(Int(UInt16(bigEndian: address.sin_port))))
    }
}
