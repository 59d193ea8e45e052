public import ArgumentParser
public import Experiments
import Foundation

extension LiveSettings.Size: ExpressibleByArgument {}

/// `e2llm experiment live`: E2LLM and its rivals on the same real services and devices.
struct LiveExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Measures E2LLM and its rivals on real services, one system after the other.",
        discussion: """
            Starts a fleet of devices that are emulated on this machine, once for every system: plan by file, routing and \
            batching by configuration. Every run is kept in the folder; the same command goes on where it was stopped. \
            Ctrl-C ends all processes.
            """)

    @Option(help: "The folder for runs and report (JSON, CSV, Markdown, HTML and SVG).") var output: String
    @Option(help: "quick (three systems, one load, one seed; below 20 minutes), standard or full.")
    var size: LiveSettings.Size = .standard
    @Option(help: "The GGUF file; default: SmolLM2-135M as scripts/model fetches it.") var model: String?
    @Option(help: "The fleet file (YAML), as `e2llm up` takes it; default: compose/fleets/ladder.yaml.")
    var fleet: String?

    func run() async throws {
        try await Failure.reporting {
            let path = try LiveModel.fleet(fleet)
            let file = try LaunchFleetFile.read(path)
            let devices = try LiveModel.check(file)
            for line in devices { Stoppable.tell("device " + line) }
            let experiment = try LiveExperiment(
                output: output, settings: LiveSettings(size), model: try LiveModel.path(model), fleetFile: path,
                fleet: file, devices: devices)
            try await Stoppable.run { try await experiment.run() }
        }
    }
}
