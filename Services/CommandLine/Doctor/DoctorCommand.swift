import ArgumentParser
import Domain
import Foundation
import Inference
import Protocol
import ServiceRuntime

/// `e2llm doctor`: whether this machine can serve, and what is wrong with a cluster that does.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks for what keeps a cluster from working; exit code 1 where something does.",
        discussion:
            "Looks at ports, keys, clocks, versions, services, memory, limits, the model and the processor. Changes nothing."
    )

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "The GGUF file; default: the one of the running cluster.") var model: String?
    @Option(help: "The fleet file that is to be started.") var fleet: String?
    @Option(help: "The folder with the keys of the fleet; default: the one of the running cluster.") var keys: String?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let report = DoctorReport(findings: try await DoctorVisit(command: self).findings())
            if json { try JSONOutput.print(report) } else { print(report.text) }
            if report.hasFailed { throw ExitCode(Failure.Kind.failed.rawValue) }
        }
    }
}

/// Gathers the facts for `DoctorChecks`.
private struct DoctorVisit {
    let command: DoctorCommand
    /// The cluster of this machine that is looked at.
    let record: ClusterRecord?

    init(command: DoctorCommand) {
        self.command = command
        record = ClusterRecord.live().first { record in
            command.cluster.port.map { record.http.hasSuffix(":\($0)") } ?? true
        }
    }

    func findings() async throws -> [DoctorFinding] {
        var findings = machine() + ports() + keys() + [folder()]
        let modelFindings = model()
        findings += modelFindings + memory()
        findings += await versions()
        if record != nil { findings += await services() + clocks() }
        return findings
    }

    private func machine() -> [DoctorFinding] {
        var problem: String?
        do { try InstructionSet.choose() } catch { problem = "\(error)" }
        let files = MachineFacts.openFiles()
        return [
            DoctorChecks.processor(
                instructionSet: problem == nil ? InstructionSet.name : "", features: InstructionSet.processorFeatures,
                threads: ProcessInfo.processInfo.activeProcessorCount, problem: problem),
            DoctorChecks.fileLimit(soft: files.soft, hard: files.hard),
        ]
    }

    private func ports() -> [DoctorFinding] {
        guard let record else {
            let port = command.cluster.port ?? 8080
            return [
                DoctorChecks.port(port, for: "the gateway", MachineFacts.listener(port, root: nil), isRunning: false)
            ]
        }
        var wanted = [(record.http, "the gateway")]
        for setting in EndpointSetting.allCases {
            if let endpoint = record.endpoints[setting.rawValue] {
                wanted.append((endpoint, "the \(setting.owner)'s \(setting.rawValue)"))
            }
        }
        return wanted.compactMap { endpoint, purpose in
            guard let port = endpoint.lastIndex(of: ":").flatMap({ Int(endpoint[endpoint.index(after: $0)...]) })
            else { return nil }
            return DoctorChecks.port(
                port, for: purpose, MachineFacts.listener(port, root: record.processIdentifier), isRunning: true)
        }
    }

    private func keys() -> [DoctorFinding] {
        guard let path = command.keys ?? record?.keys else { return [] }
        let folder = KeyFolder(path: path)
        let secrets = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter {
            $0.hasSuffix(".key")
        }
        return [(folder.list, false)].map { file($0.0, isSecret: $0.1) }
            + secrets.sorted().map { file("\(path)/\($0)", isSecret: true) }
    }

    private func file(_ path: String, isSecret: Bool) -> DoctorFinding {
        DoctorChecks.keyFile(
            path, mode: MachineFacts.mode(path), isReadable: FileManager.default.isReadableFile(atPath: path),
            isSecret: isSecret)
    }

    private func folder() -> DoctorFinding {
        let path = ClusterRecord.folder().path
        guard FileManager.default.fileExists(atPath: path) else {
            return DoctorFinding("folder", .ok, "\(path) will be made by the first `e2llm up`")
        }
        guard FileManager.default.isWritableFile(atPath: path) else {
            return DoctorFinding(
                "folder", .fail, "\(path) cannot be written",
                advice: "set XDG_STATE_HOME to a folder that can, or change its owner")
        }
        return DoctorFinding("folder", .ok, "\(path) can be written")
    }

    private var modelPath: String? { command.model ?? record?.model }

    private func model() -> [DoctorFinding] {
        guard let path = modelPath else {
            return [
                DoctorFinding(
                    "model", .ok, "none was named", advice: "give --model FILE to have it checked")
            ]
        }
        do {
            if let problem = try ModelCheck.run(path) { return [DoctorFinding("model", .warn, problem)] }
            let description = try ModelFile(path: path).description
            return [
                DoctorFinding(
                    "model", .ok,
                    "\(path): \(description.architecture), \(description.layers) layers, "
                        + ByteText.format(description.bytesTotal))
            ]
        } catch {
            return [
                DoctorFinding(
                    "model", .fail, "\((error as? Failure)?.description ?? "\(error)")",
                    advice: "fetch it again with `e2llm pull`, or take a model of a known architecture")
            ]
        }
    }

    private func memory() -> [DoctorFinding] {
        let memory = MachineFacts.memory()
        func finding(_ needed: Int, _ purpose: String) -> DoctorFinding {
            DoctorChecks.memory(
                available: memory.available, total: memory.total, needed: needed, for: purpose, isHeld: record != nil)
        }
        if let path = command.fleet {
            do {
                // Each device runs two workers, and each of them may take its limit.
                let limits = try LaunchFleetFile.read(path).expanded.compactMap { $0.device.memoryLimit }
                let bytes = limits.compactMap { ByteText.parse($0) }.reduce(0, +)
                return [finding(2 * bytes, "the memory limits of \(path)")]
            } catch {
                return [DoctorFinding("memory", .fail, "\((error as? Failure)?.description ?? "\(error)")")]
            }
        }
        guard let path = modelPath, let bytes = try? ModelFile(path: path).description.bytesTotal else { return [] }
        return [finding(bytes, "the model's weights")]
    }

    private func versions() async -> [DoctorFinding] {
        var findings: [DoctorFinding] = []
        for service in ServiceName.allCases {
            let path = Executables.own(service.rawValue)
            guard FileManager.default.isExecutableFile(atPath: path) else {
                findings.append(
                    DoctorFinding(
                        "versions", .fail, "\(path) is missing", advice: "install all executables in one folder"))
                continue
            }
            let version = await MachineFacts.output(path, ["--version"])?
                .trimmingCharacters(in: .whitespacesAndNewlines)
            findings.append(DoctorChecks.version(service.rawValue, version, own: ProductVersion.number))
        }
        guard let record else { return findings }
        struct Version: Decodable { var version: String }
        let answer = await HTTPClient.get("\(record.http)/version")
        let running = answer.flatMap { try? JSONDecoder().decode(Version.self, from: Data($0.body.utf8)).version }
        return findings + [DoctorChecks.version("the running gateway", running, own: ProductVersion.number)]
    }

    private func services() async -> [DoctorFinding] {
        var findings: [DoctorFinding] = []
        for service in ServiceName.central {
            guard let setting = HealthCheckCommand.socket(service) else { continue }
            do {
                let health = try await command.cluster.ask(
                    setting, .healthGet, as: ServiceHealth.self, timeout: .seconds(2)
                ).body
                findings.append(DoctorChecks.service(service.rawValue, problems: health.problems, silence: nil))
            } catch {
                let reason = (error as? Failure)?.description ?? "\(error)"
                findings.append(DoctorChecks.service(service.rawValue, problems: nil, silence: reason))
            }
        }
        return findings
    }

    private func clocks() async -> [DoctorFinding] {
        do {
            let fleet = try await command.cluster.ask(.registry, .fleetGet, as: Fleet.self).body
            let reader = TraceReader(addresses: try command.cluster.addresses(), fleet: fleet)
            return try await reader.clocks().map {
                DoctorChecks.clock(PrintableText.clean($0.name), offset: $0.clock, problem: $0.problem)
            }
        } catch {
            // That a service is silent is told by its own finding.
            return []
        }
    }
}
