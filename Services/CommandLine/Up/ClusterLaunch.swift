import Foundation
import Logging
import ServiceRuntime
import Synchronization
import UnixSignals

/// One run of `e2llm up`.
struct ClusterLaunch {
    private let command: UpCommand
    private let fleet: LaunchFleetFile
    private let model: String
    private let directory: URL
    private let executables: [ServiceName: String]
    private let endpoints: [EndpointSetting: String]
    private let logger: Logger
    /// The keys of a cluster that other machines may join.
    private let keys: KeyFolder?
    /// Where the data sockets of the devices bind, if not at the default.
    private let dataBind: String?
    /// Held while the cluster runs: two clusters on one port, or in one directory, would spoil each other.
    private let locks: [FileLock]
    /// Whether other commands find the cluster by a file.
    private let isRecorded: Bool

    /// Checks everything that can be checked before a process is started.
    init(_ command: UpCommand) throws {
        self.command = command
        guard let level = Logger.Level(rawValue: command.logLevel) else {
            throw Failure(.usage, "--log-level must be trace, debug, info, notice, warning, error or critical")
        }
        LineLogHandler.bootstrap(level: level, format: .text)
        logger = Logger(label: "up")
        guard (1...65535).contains(command.port) else { throw Failure(.usage, "--port must be 1 to 65535") }
        fleet = try LaunchFleetFile.read(command.fleet)
        let spoiled = command.alias.first { $0.isEmpty || $0.contains { $0 == "," || $0.isWhitespace } }
        if let spoiled { throw Failure(.usage, "--alias takes a name without commas and spaces, not \"\(spoiled)\"") }
        try Self.check((fleet.settings ?? [:]).map { "\($0.key)=\($0.value)" } + command.set)
        model = URL(fileURLWithPath: command.model).standardizedFileURL.path
        if let problem = try ModelCheck.run(command.model) { logger.warning("\(problem)") }
        let state = ClusterRecord.folder().deletingLastPathComponent()
        directory =
            command.directory.map { URL(fileURLWithPath: $0) }
            ?? state.appendingPathComponent("up-\(command.port)")
        let hidden = WritableFolder.problem(state.path)
        isRecorded = hidden == nil
        if let hidden {
            let advice = "\(hidden); set XDG_STATE_HOME to a folder that can be written"
            guard command.directory != nil else { throw Failure(.failed, "\(advice), or give --directory") }
            logger.warning("\(advice), or other commands do not find this cluster by themselves")
        }
        if let problem = WritableFolder.problem(directory.appendingPathComponent("logs").path) {
            throw Failure(.failed, "\(problem); give another folder with --directory")
        }
        let portLock = try FileLock(
            (isRecorded ? state : directory).appendingPathComponent("port-\(command.port).lock").path,
            busy: "another e2llm up runs on port \(command.port); choose another one with --port")
        guard FreePorts.isFree(command.port) else {
            throw Failure(.failed, "port \(command.port) is in use; choose another one with --port")
        }
        locks = [
            portLock,
            try FileLock(
                directory.appendingPathComponent("up.lock").path,
                busy: "another e2llm up runs in \(directory.path); choose another directory with --directory"),
        ]
        executables = try Self.executables(fleet, command.replace)
        let settings = EndpointSetting.allCases
        let ports = try Self.ports(command, settings.count)
        let host = try command.listen.map(Self.host) ?? "127.0.0.1"
        endpoints = Dictionary(uniqueKeysWithValues: zip(settings, ports.map { "tcp://\(host):\($0)" }))
        keys =
            try command.listen == nil ? nil : KeyFolder.existing(directory.appendingPathComponent("keys").path)
        dataBind = command.listen == nil ? nil : "tcp://\(host):*"
    }

    /// Runs until the process is asked to stop.
    func run() async throws {
        let record = ClusterRecord(
            processIdentifier: getpid(), http: "http://127.0.0.1:\(command.port)",
            endpoints: Dictionary(uniqueKeysWithValues: endpoints.map { ($0.key.rawValue, $0.value) }), model: model,
            directory: directory.path, started: Date(), keys: keys?.path)
        if isRecorded { try record.write() }
        defer { record.remove() }
        logger.info("\(fleet.expanded.count) devices, logs in \(directory.appendingPathComponent("logs").path)")

        let supervisor = Supervisor(logger: logger)
        let stop = StopSignal()
        await withTaskGroup(of: Void.self) { group in
            for specification in specifications() {
                group.addTask {
                    if await supervisor.supervise(specification) { stop.request() }
                }
            }
            group.addTask {
                if let failure = await announceWhenReady(url: record.http, supervisor, stop) { stop.request(failure) }
            }
            await stop.wait()
            // Workers serve what the gateway still has to answer; asked again, nothing is waited for.
            await supervisor.stop(
                ServiceName.gateway.rawValue, grace: Self.drain(settings) + .seconds(6), while: { !stop.isRepeated })
            await supervisor.stop(grace: stop.isRepeated ? .seconds(2) : .seconds(18))
            group.cancelAll()
        }
        logger.info("stopped")
        if let failure = stop.failure { throw failure }
        if let refusal = await supervisor.refusal { throw refusal.failure }
    }

    /// The settings of the fleet file and of the command, in the order in which later ones count.
    private var settings: [String] {
        let roles = fleet.roles.map { ["clusterer.roles=\($0)"] } ?? []
        return roles + (fleet.settings ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + command.set
    }

    /// How long the gateway lets streams run.
    static func drain(_ settings: [String]) -> Duration {
        let key = "gateway.drain_s="
        let given = settings.last { $0.hasPrefix(key) }.flatMap { Double($0.dropFirst(key.count)) }
        return .seconds(given.map { min(max($0, 0), 600) } ?? 30)
    }

    private func specifications() -> [ProcessSpecification] {
        let shared =
            endpoints.sorted { $0.key.rawValue < $1.key.rawValue }.map { "endpoints.\($0.key.rawValue)=\($0.value)" }
        let extra = settings
        let logs = directory.appendingPathComponent("logs")
        func arguments(_ settings: [String]) -> [String] {
            settings.flatMap { ["--set", $0] } + ["--log-level", command.logLevel]
        }
        func concerns(_ section: String) -> [String] {
            extra.filter { $0.hasPrefix(section + ".") || $0.hasPrefix("fleet.") }
                + (section == ServiceName.gateway.rawValue ? extra.filter { $0.hasPrefix("model.") } : [])
        }
        func security(_ identity: String) -> [String] {
            keys.map { ["security.allowed=\($0.list)", "security.secret=\($0.secret(identity))"] } ?? []
        }

        var result: [ProcessSpecification] = []
        for service in ServiceName.central {
            var settings = shared + security(service.rawValue) + concerns(service.rawValue)
            switch service {
            case .gateway:
                settings += ["gateway.port=\(command.port)", "model.path=\(model)"]
                if !command.alias.isEmpty {
                    settings.append("gateway.aliases=\(command.alias.joined(separator: ","))")
                }
            case .profiler:
                settings.append("profiler.directory=\(directory.appendingPathComponent("profiles").path)")
            default: break
            }
            result.append(
                ProcessSpecification(
                    name: service.rawValue, executable: executables[service] ?? service.rawValue,
                    arguments: arguments(settings), logFile: logs.appendingPathComponent("\(service.rawValue).log").path
                ))
        }
        for (id, device) in fleet.expanded {
            let settings =
                shared + security("devices") + (dataBind.map { ["worker.data_bind=\($0)"] } ?? []) + concerns("worker")
                + device.settings + ["worker.device=\(id)", "worker.model=\(model)"]
            var deviceArguments = ["device"] + arguments(settings)
            for kind in [ServiceName.prefillWorker, .decoderWorker] {
                if let path = executables[kind] { deviceArguments += ["--executable", "\(kind.rawValue)=\(path)"] }
            }
            result.append(
                ProcessSpecification(
                    name: id, executable: Executables.own("e2llm"), arguments: deviceArguments,
                    logFile: logs.appendingPathComponent("\(id).log").path))
        }
        return result
    }

    /// Prints that the cluster is ready once its own gateway says so; returns why that cannot be.
    private func announceWhenReady(url: String, _ supervisor: Supervisor, _ stop: StopSignal) async -> Failure? {
        let begin = ContinuousClock.now
        var told = ContinuousClock.now
        while !Task.isCancelled, !stop.isSet {
            let health = await HTTPClient.get("\(url)/health")
            if health != nil, case .foreign(let process) = PortOwner.find(command.port, root: getpid()) {
                return Failure(
                    .failed,
                    "process \(process) answers on port \(command.port), not this cluster's gateway; choose another "
                        + "port with --port")
            }
            // Where nobody can tell whose answer it is, a gateway that ended for want of the port does not run.
            if health?.status == 200, await supervisor.isRunning(ServiceName.gateway.rawValue) {
                print("ready: \(url)")
                fflush(nil)
                return nil
            }
            if told.duration(to: .now) > .seconds(10) {
                told = .now
                let seconds = Int(begin.duration(to: .now) / .seconds(1))
                logger.info(
                    "not ready after \(seconds) s: \(health?.errorMessage ?? "the gateway does not answer yet")")
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return nil
    }

    private static func ports(_ command: UpCommand, _ count: Int) throws -> [Int] {
        guard let base = command.basePort else { return try FreePorts.take(count) }
        guard command.listen != nil, (1...65535 - count).contains(base) else {
            throw Failure(.usage, "--base-port goes with --listen and is 1 to \(65535 - count)")
        }
        return Array(base..<base + count)
    }

    /// The host part of endpoints at an address or name of this machine.
    private static func host(_ address: String) throws -> String {
        guard !address.isEmpty, !["0.0.0.0", "::", "*"].contains(address), !address.contains("/") else {
            throw Failure(.usage, "--listen takes one address of this machine that others reach, not \(address)")
        }
        return address.contains(":") ? "[\(address)]" : address
    }

    /// Settings that `up` gives itself, and what decides them.
    private static let own = [
        "gateway.port": "--port", "model.path": "--model", "worker.model": "--model", "worker.device": "the fleet file",
        "profiler.directory": "--directory",
    ]

    /// Settings whose section no process has, or which are overruled, would go unnoticed.
    static func check(_ settings: [String]) throws {
        let known = ServiceName.central.map(\.rawValue) + ["worker", "model", "fleet"]
        for setting in settings {
            guard setting.contains("=") else { throw Failure(.usage, "--set takes key=value, not \(setting)") }
            let key = String(setting.prefix { $0 != "=" })
            if key == "gateway.api_keys" {
                throw Failure(
                    .usage,
                    "gateway.api_keys is not taken from arguments, which everybody on this machine can read: use "
                        + "gateway.api_key_file")
            }
            if let option = own[key] { throw Failure(.usage, "\(key) is decided by \(option), not by a setting") }
            let parts = key.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            let section = String(parts[0])
            guard parts.count == 2, known.contains(section) else {
                throw Failure(
                    .usage,
                    "\(setting) is no setting of a fleet\(NearestName.question(section, among: known)); sections are "
                        + known.sorted().joined(separator: ", "))
            }
        }
    }

    private static func executables(_ fleet: LaunchFleetFile, _ replace: [String]) throws -> [ServiceName: String] {
        var result: [ServiceName: String] = [:]
        for service in ServiceName.allCases { result[service] = Executables.own(service.rawValue) }
        var replaced = fleet.services ?? [:]
        for text in replace {
            guard let split = text.firstIndex(of: "=") else {
                throw Failure(.usage, "--replace takes service=path, not \(text)")
            }
            replaced[String(text[..<split])] = String(text[text.index(after: split)...])
        }
        for (name, path) in replaced {
            guard let service = ServiceName(rawValue: name) else {
                let names = ServiceName.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "\(name) is no service; services are \(names)")
            }
            let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
            guard isProgram(absolute) else {
                throw Failure(.usage, "\(path) is not an executable file")
            }
            result[service] = absolute
        }
        for (service, path) in result where !isProgram(path) {
            throw Failure(.failed, "the executable of \(service.rawValue) is missing: \(path)")
        }
        return result
    }
}

/// Whether a path leads to a file that can be run; folders count as executable for the system.
private func isProgram(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        && FileManager.default.isExecutableFile(atPath: path)
}

/// The executables beside this one.
enum Executables {
    static func own(_ name: String) -> String {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(name).path
    }
}

/// SIGINT, SIGTERM or the end of the parent process asks a command to stop.
final class StopSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let state = Mutex(false)
    private let signals = Mutex<(first: ContinuousClock.Instant?, isRepeated: Bool)>((nil, false))
    private let cause = Mutex<Failure?>(nil)

    init() {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        (self.stream, self.continuation) = (stream, continuation)
        signal(SIGPIPE, SIG_IGN)
        Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
                self.noteSignal(at: .now)
                continuation.yield()
            }
        }
        ParentWatch.onParentEnd { continuation.yield() }
    }

    /// Whether a signal came again, so that nothing is waited for any more.
    var isRepeated: Bool { signals.withLock { $0.isRepeated } }

    /// Notes a signal. Where a group of processes is stopped the same request may come from several sides at once.
    func noteSignal(at now: ContinuousClock.Instant) {
        signals.withLock { signals in
            if let first = signals.first {
                signals.isRepeated = signals.isRepeated || first.duration(to: now) >= .milliseconds(500)
            } else {
                signals.first = now
            }
        }
    }

    var isSet: Bool { state.withLock { $0 } }

    /// What went wrong, where the command stops for that.
    var failure: Failure? { cause.withLock { $0 } }

    /// Stops the command for a reason of its own.
    func request(_ failure: Failure? = nil) {
        cause.withLock { $0 = $0 ?? failure }
        continuation.yield()
    }

    func wait() async {
        for await _ in stream { break }
        state.withLock { $0 = true }
    }
}
