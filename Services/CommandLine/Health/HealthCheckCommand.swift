import ArgumentParser
import Domain
import Foundation
import Messaging
import Protocol
import ServiceRuntime

/// `e2llm healthcheck`: whether a service works, as its own run loop says.
struct HealthCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Asks a service whether it can do its work; exit code 0 or 1 within a second.",
        discussion: "In a container the environment of the service names its sockets and keys.")

    @Option(help: "profiler, partitioner, clusterer, scheduler, gateway or device.") var service: String
    @Option(help: "With --service device: its id; default: worker.device, else the host name.") var id: String?
    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "A service that cannot reach one of its peers counts as healthy.") var alive = false

    func run() async throws {
        try await Failure.reporting {
            if service == "device" { return try await checkDevice() }
            guard let name = ServiceName(rawValue: service), let setting = Self.socket(name) else {
                let known = ServiceName.central.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "\(service) is none of \(known), device")
            }
            let health = try await cluster.ask(
                setting, .healthGet, as: ServiceHealth.self, timeout: .milliseconds(900)
            ).body
            guard health.problems.isEmpty || alive else {
                throw Failure(.failed, "\(health.service): \(health.problems.joined(separator: "; "))")
            }
            print("\(health.service) is well, up for \(Int(health.uptimeSeconds)) s")
        }
    }

    /// Whether the profiler hears both workers of a device.
    private func checkDevice() async throws {
        let environment = ProcessInfo.processInfo.environment
        let name = DeviceID(id ?? environment["E2LLM_WORKER_DEVICE"] ?? ProcessInfo.processInfo.hostName)
        let fleet = try await cluster.ask(.registry, .fleetGet, as: Fleet.self, timeout: .milliseconds(900)).body
        guard let device = fleet.device(name) else { throw Failure(.failed, "the profiler knows no device \(name)") }
        for kind in WorkerKind.allCases where device.worker(kind) == nil {
            throw Failure(.failed, "device \(name): its \(kind.rawValue) worker is not heard")
        }
        print("device \(name) is \(device.state.rawValue)")
    }

    /// The ROUTER of a service.
    static func socket(_ service: ServiceName) -> EndpointSetting? {
        switch service {
        case .profiler: .registry
        case .partitioner: .partition
        case .clusterer: .plan
        case .scheduler: .control
        case .gateway: .tokens
        case .prefillWorker, .decoderWorker: nil
        }
    }
}

/// `e2llm metrics`: the figures of a service.
struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Prints a service's own figures as Prometheus text.")

    @Option(help: "profiler, partitioner, clusterer, scheduler or gateway.") var service: String
    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
        try await Failure.reporting {
            guard let name = ServiceName(rawValue: service), let setting = HealthCheckCommand.socket(name) else {
                let known = ServiceName.central.map(\.rawValue).joined(separator: ", ")
                throw Failure(.usage, "\(service) is none of \(known)")
            }
            print(try await cluster.ask(setting, .metricsGet, as: ServiceMetrics.self).body.text, terminator: "")
        }
    }
}
