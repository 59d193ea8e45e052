import ArgumentParser
import Domain
import Foundation
import Logging
import Scenarios
import ServiceRuntime

/// `e2llm bench control`: what the control plane carries for a large fleet.
struct ControlBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control",
        abstract: "Measures profiler, clusterer and scheduler under many emulated devices without weights.",
        discussion: """
            The services are real processes; the devices are connections of this process, which register, report and answer with the \
            figures of a generated fleet. No request is sent.
            """)

    @Option(help: "Devices, with two workers each.") var devices = 256
    @Option(
        help: """
            Machines that the devices are spread over, where devices of a type are measured once; default: one a device, and \
            every link is measured.
            """) var hosts: Int?
    @Option(help: "Decides the fleet.") var seed: UInt64 = 7
    @Option(help: "The model that devices say to have, such as llama-3-8b-q4.") var model = "llama-3-8b-q4"
    @Option(help: "Seconds that are measured after a plan of the whole fleet serves.") var seconds = 30.0
    @Option(help: "Longest wait for that plan, seconds.") var wait = 600.0
    @Option(help: "A setting of the services as key=value; may be repeated.") var set: [String] = []
    @Option(help: "A folder for logs and profiles; default: one that is removed again.") var directory: String?
    @Option(help: "A file for the values (JSON).") var output: String?
    @Flag(help: "Print the values as JSON instead of the tables.") var json = false

    func run() async throws {
        try await Failure.reporting {
            LineLogHandler.bootstrap(level: .warning, format: .text)
            guard (1...86_400).contains(seconds), (1...86_400).contains(wait) else {
                throw Failure(.usage, "--seconds and --wait must be 1 to 86400")
            }
            guard hosts.map({ devices >= 1 && (1...devices).contains($0) }) ?? true else {
                throw Failure(.usage, "--hosts must be 1 to --devices")
            }
            guard let description = ModelCatalogue.named(model) else {
                let names = ModelCatalogue.models.map(\.name).joined(separator: ", ")
                throw Failure(.usage, "--model \(model): no such model; there are \(names)")
            }
            try ClusterLaunch.check(set)
            let fleet: FleetStandIn
            do {
                fleet = try FleetStandIn(
                    try FleetGenerator(deviceCount: devices, seed: seed).fleet(), model: description)
            } catch {
                throw Failure(.usage, "--devices \(devices): \(error)")
            }
            let folder =
                directory.map { URL(fileURLWithPath: $0) }
                ?? FileManager.default.temporaryDirectory.appending(
                    path: "e2llm-control-\(Session.randomName(bytes: 6))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { if directory == nil { try? FileManager.default.removeItem(at: folder) } }
            let report = try await ControlBench(
                fleet: fleet, hosts: hosts, seconds: seconds, waitSeconds: wait, directory: folder, settings: set
            ).run()
            let text = try JSONOutput.text(report)
            if let output { try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: output), options: .atomic) }
            print(json ? text : report.text)
        }
    }
}
