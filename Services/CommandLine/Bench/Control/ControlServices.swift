import Foundation
import Logging
import ServiceRuntime

/// Profiler, partitioner, clusterer and scheduler on free ports of this machine, as `e2llm up` starts them; without a gateway, which
/// needs a model file.
struct ControlServices: Sendable {
    /// What is started.
    static let names: [ServiceName] = [.profiler, .partitioner, .clusterer, .scheduler]

    private let supervisor = Supervisor(logger: Logger(label: "control"))
    private let specifications: [ProcessSpecification]
    /// Where their sockets are.
    let endpoints: [EndpointSetting: String]

    /// - Parameters:
    ///   - directory: where logs and profiles go.
    ///   - settings: further settings as `key=value`.
    init(directory: URL, devices: Int, settings: [String]) throws {
        let all = EndpointSetting.allCases
        let ports = try FreePorts.take(all.count)
        endpoints = Dictionary(uniqueKeysWithValues: zip(all, ports.map { "tcp://127.0.0.1:\($0)" }))
        let shared = endpoints.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            "endpoints.\($0.key.rawValue)=\($0.value)"
        }
        specifications = Self.names.map { service in
            var own = settings.filter { $0.hasPrefix(service.rawValue + ".") || $0.hasPrefix("fleet.") }
            if service == .profiler {
                own =
                    ["profiler.directory=\(directory.path)/profiles", "profiler.max_devices=\(max(1, devices))"] + own
            }
            return ProcessSpecification(
                name: service.rawValue, executable: Executables.own(service.rawValue),
                arguments: (shared + own).flatMap { ["--set", $0] },
                logFile: directory.appending(path: "\(service.rawValue).log").path)
        }
        for specification in specifications
        where !FileManager.default.isExecutableFile(atPath: specification.executable) {
            throw Failure(.failed, "the executable of \(specification.name) is missing: \(specification.executable)")
        }
    }

    /// Runs the services while `body` runs, and ends them whatever happens.
    func with<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let supervision = Task { [supervisor, specifications] in
            await withTaskGroup(of: Void.self) { group in
                for specification in specifications {
                    group.addTask { _ = await supervisor.supervise(specification) }
                }
            }
        }
        // A task of its own: what ends processes must not be cancelled with what used them.
        let stop: @Sendable () -> Task<Void, Never> = { [supervisor] in
            Task {
                await supervisor.stop(grace: .seconds(20))
                await supervision.value
            }
        }
        return try await withTaskCancellationHandler {
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await stop().value
            return try result.get()
        } onCancel: {
            _ = stop()
        }
    }

    /// What they have used so far, and this process, by name.
    ///
    /// - Throws: `Failure` where a service refuses its settings.
    func figures() async throws -> [String: ProcessFigures] {
        if let refusal = await supervisor.refusal { throw refusal.failure }
        var figures: [String: ProcessFigures] = [:]
        for service in Self.names {
            guard let process = await supervisor.processIdentifier(service.rawValue) else { continue }
            figures[service.rawValue] = ProcessFigures.read(process)
        }
        figures[ControlReport.emulator] = ProcessFigures.read(getpid())
        return figures
    }
}
