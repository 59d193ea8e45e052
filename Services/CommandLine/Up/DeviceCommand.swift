import ArgumentParser
import Foundation
import Logging
import ServiceRuntime

/// `e2llm device`: one device, both workers under one id.
struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Runs this machine (or a share of it) as one device of a fleet.",
        discussion: "Starts the prefill worker and the decoder worker and keeps both running.")

    @OptionGroup var options: ServiceOptions
    @Option(help: "A token of `e2llm invite`, or a file that holds one: join that fleet.") var join: String?
    @Option(help: "Id of the device; default: the host name.") var id: String?
    @Option(help: "The GGUF file.") var model: String?
    @Option(help: "Compute threads.") var threads: Int?
    @Option(help: "Share of the threads' time that may be used, 0.05 to 1.") var computeShare: Double?
    @Option(help: "Memory of each worker process, such as 512M.") var memoryLimit: String?
    @Option(help: "Bytes per second that leave the device, such as 100M.") var linkRate: String?
    @Option(help: "Latency of what leaves the device, in milliseconds.") var linkLatency: Double?
    @Option(help: "Another executable for a worker, as prefill-worker=path or decoder-worker=path.")
    var executable: [String] = []

    func run() async throws {
        try await Failure.reporting {
            let logger = options.makeLogger("device")
            var executables = [ServiceName.prefillWorker, .decoderWorker].reduce(into: [ServiceName: String]()) {
                $0[$1] = Executables.own($1.rawValue)
            }
            for text in executable {
                guard let split = text.firstIndex(of: "="), let name = ServiceName(rawValue: String(text[..<split])),
                    executables[name] != nil
                else {
                    throw Failure(.usage, "--executable takes prefill-worker=path or decoder-worker=path, not \(text)")
                }
                executables[name] = String(text[text.index(after: split)...])
            }
            var environment: [String: String] = [:]
            if let join {
                // In the environment, as everybody sees the arguments of a process.
                environment["E2LLM_SECURITY_TOKEN"] = try JoinToken.read(join).text()
            }
            let supervisor = Supervisor(logger: logger)
            let stop = StopSignal()
            await withTaskGroup(of: Void.self) { group in
                for (name, path) in executables {
                    let specification = ProcessSpecification(
                        name: name.rawValue, executable: path, arguments: workerArguments, environment: environment,
                        logFile: nil)
                    group.addTask {
                        if await supervisor.supervise(specification) { stop.request() }
                    }
                }
                await stop.wait()
                await supervisor.stop(grace: .seconds(16))
                // Who waits to start a process again has no need to.
                group.cancelAll()
            }
            if let refusal = await supervisor.refusal {
                // Its own words are above, since a worker writes to the device's output.
                FileHandle.standardError.write(Data("\(refusal.failure.description)\n".utf8))
                throw ExitCode(ConfigurationPhase.exitCode)
            }
        }
    }

    private var workerArguments: [String] {
        var settings: [String] = []
        if let id { settings.append("worker.device=\(id)") }
        if let model { settings.append("worker.model=\(model)") }
        if let threads { settings.append("worker.threads=\(threads)") }
        if let computeShare { settings.append("worker.compute_share=\(computeShare)") }
        if let memoryLimit { settings.append("worker.memory_limit=\(memoryLimit)") }
        if let linkRate { settings.append("worker.link_rate=\(linkRate)") }
        if let linkLatency { settings.append("worker.link_latency_ms=\(linkLatency)") }
        return (options.set + settings).flatMap { ["--set", $0] }
            + (options.config.map { ["--config", $0] } ?? [])
            + ["--log-level", options.logLevel, "--log-format", options.logFormat]
    }
}
