import ArgumentParser
import Foundation
import Logging
import ServiceRuntime

/// `e2llm up`: all services and a fleet of devices on this machine.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Starts all services and a fleet of devices on this machine.",
        discussion: "Prints `ready: URL` when a chat request would succeed. Ctrl-C stops everything.")

    @Option(help: "The GGUF file.") var model: String
    @Option(help: "A YAML file that describes the devices.") var fleet: String
    @Option(help: "Another name of the model for clients; may be repeated.") var alias: [String] = []
    @Option(help: "The port of the HTTP interface.") var port: Int = 8080
    @Option(
        help: "An address of this machine at which devices of other machines may join, with keys; default: none may.")
    var listen: String?
    @Option(help: "With --listen: the first of eight ports for the services; default: free ones.") var basePort: Int?
    @Option(help: "Where logs and profiles go; default: a folder for this port below the state folder.")
    var directory: String?
    @Option(help: "Another executable for a service, as service=path; may be repeated.") var replace: [String] = []
    @Option(help: "One setting as key=value for all processes; may be repeated.") var set: [String] = []
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String = "info"

    func run() async throws {
        try await Failure.reporting {
            let launch = try ClusterLaunch(self)
            try await launch.run()
        }
    }
}
