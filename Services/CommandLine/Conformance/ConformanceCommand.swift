import ArgumentParser
import Domain
import Protocol
import ServiceRuntime

/// `e2llm conformance`: whether an implementation of a service keeps the rules of the protocol, as seen over its
/// socket.
struct ConformanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Exercises an implementation of a service over its socket and reports what it breaks.",
        discussion:
            "Valid messages, unknown, damaged, repeated and out of range ones. Exit code 1 where a rule is broken. "
            + "Profiler and scheduler are told of workers that do not exist, and epochs grow: not for a fleet in use.")

    @Option(help: "profiler, partitioner, clusterer, scheduler, gateway or worker (data socket).") var service: String
    @Option(
        help:
            "The service's ROUTER, such as tcp://127.0.0.1:5553; of a worker with ?key=... as it is announced, where keys are used."
    )
    var endpoint: String
    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Seconds that an answer may take.") var timeout: Double = 30
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            guard let kind = ConformanceRules.Service(rawValue: service) else {
                let known = ConformanceRules.Service.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "\(service) is none of \(known)")
            }
            guard timeout > 0, timeout < 3600 else { throw Failure(.usage, "--timeout is 0 to 3600 seconds") }
            let results = try await ConformanceRun(
                endpoint: KeyedEndpoint(endpoint), setting: kind.setting, keyring: try cluster.addresses().keyring,
                seconds: timeout
            ).run(ConformanceRules.rules(kind, model: await model(for: kind)))
            let broken = results.filter { $0.problem != nil }
            if json {
                try JSONOutput.print(results)
            } else {
                for result in results {
                    print(result.problem.map { "BROKEN  \(result.rule): \($0)" } ?? "kept    \(result.rule)")
                }
                print("\(results.count - broken.count) rules are kept, \(broken.count) are broken")
            }
            if !broken.isEmpty { throw ExitCode(1) }
        }
    }

    /// The model that the workers of the fleet have: messages between stages have its dimensions. `nil` where nobody
    /// tells.
    private func model(for service: ConformanceRules.Service) async -> ModelDescription? {
        guard service == .worker else { return nil }
        return try? await cluster.ask(.registry, .fleetGet, as: Fleet.self).body.model
    }
}
