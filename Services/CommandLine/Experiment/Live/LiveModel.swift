import Experiments
import Foundation
import Logging
import ServiceRuntime

/// Files that live experiments take where nobody names others.
enum LiveModel {
    /// The default model, as `scripts/model` puts it away.
    static func path(_ given: String?) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let data =
            environment["XDG_DATA_HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? (environment["HOME"] ?? NSTemporaryDirectory()) + "/.local/share"
        let folder = environment["E2LLM_MODELS"].flatMap { $0.isEmpty ? nil : $0 } ?? data + "/e2llm/models"
        let path = given ?? folder + "/SmolLM2-135M-Instruct.Q4_1.gguf"
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure(
                .usage,
                given == nil ? "\(path) is missing: fetch it with scripts/model, or give --model" : "\(path) is missing"
            )
        }
        return URL(fileURLWithPath: path).standardizedFileURL.path
    }

    /// The fleet file of the repository that this executable was built in, or of the folder at hand.
    static func fleet(_ given: String?) throws -> String {
        if let given { return URL(fileURLWithPath: given).standardizedFileURL.path }
        let name = "compose/fleets/ladder.yaml"
        var folder = URL(fileURLWithPath: Executables.own("e2llm")).deletingLastPathComponent()
        var candidates = [URL(fileURLWithPath: name)]
        for _ in 0..<5 {
            candidates.append(folder.appendingPathComponent(name))
            folder.deleteLastPathComponent()
        }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw Failure(.usage, "\(name) is not found from here: give --fleet FILE")
        }
        return found.standardizedFileURL.path
    }

    /// Refuses a fleet whose devices together want more than this machine has; says how it is emulated.
    static func check(_ fleet: LaunchFleetFile) throws -> [String] {
        let processors = ProcessInfo.processInfo.activeProcessorCount
        let shares = fleet.devices.reduce(0.0) { sum, device in
            sum + Double((device.count ?? 1) * (device.threads ?? processors)) * (device.computeShare ?? 1)
        }
        if let problem = LiveDevice.problem(shares: shares, processors: processors) { throw Failure(.usage, problem) }
        let lines = fleet.devices.map { device in
            LiveDevice(
                id: device.id, count: device.count, threads: device.threads ?? processors,
                computeShare: device.computeShare ?? 1, memoryLimit: device.memoryLimit ?? "80 % of the machine",
                linkRate: device.linkRate ?? "unlimited",
                linkLatencyMilliseconds: device.linkLatencyMilliseconds ?? 0
            ).text
        }
        return lines + ["together \((shares * 100).rounded() / 100) of \(processors) processors"]
    }
}

/// Runs the body of a command that starts processes; Ctrl-C ends them, and the command.
enum Stoppable {
    static func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
        LineLogHandler.bootstrap(level: .warning, format: .text)
        let stop = StopSignal()
        let work = Task { try await body() }
        let watch = Task {
            await stop.wait()
            work.cancel()
        }
        defer { watch.cancel() }
        do {
            try await work.value
        } catch {
            guard stop.isSet else { throw error }
            throw Failure(.failed, "stopped; what was measured is kept, the same command goes on from there")
        }
    }

    /// A line on standard error.
    static func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
