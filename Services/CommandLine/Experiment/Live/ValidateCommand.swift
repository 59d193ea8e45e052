public import ArgumentParser
import Domain
public import Experiments
import Foundation
import Scenarios
import Simulation

extension ValidationSize.Name: ExpressibleByArgument {}

/// `e2llm validate`: the simulator beside reality, over several fleets.
struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Measures real fleets and simulates the same runs: how far both are apart.",
        discussion: """
            Settings: \(ValidationSetting.all.map(\.name).joined(separator: ", ")). Devices are emulated on this machine. Every run \
            is kept in the folder; the same command goes on where it was stopped. Runs in which others took more than 10 % \
            of the processors' time are not judged.
            """)

    @Option(help: "The folder for runs and report (JSON, CSV, Markdown, HTML and SVG).") var output: String
    @Option(help: "quick (one rate a setting) or standard (three).") var size: ValidationSize.Name = .standard
    @Option(help: "Only this setting; may be repeated.") var only: [String] = []
    @Option(help: "The GGUF file; default: SmolLM2-135M as scripts/model fetches it.") var model: String?
    @Option(help: "Decides lengths and arrivals.") var seed: UInt64 = 1

    func run() async throws {
        try await Failure.reporting {
            let settings: [ValidationSetting]
            do {
                settings = try ValidationSetting.named(only)
            } catch let error as ExperimentError {
                throw Failure(.usage, error.message)
            }
            let validation = try Validation(
                output: output, size: ValidationSize(size), settings: settings, model: try LiveModel.path(model),
                seed: seed)
            try await Stoppable.run { try await validation.run() }
        }
    }
}

/// The runs of a validation.
struct Validation: Sendable {
    private struct Purpose: Encodable {
        var size: ValidationSize
        var model: String
        var seed: UInt64
    }

    private struct File: Encodable {
        var devices: [LiveDevice]
        var roles: String
    }

    private let size: ValidationSize
    private let settings: [ValidationSetting]
    private let model: String
    private let seed: UInt64
    private let store: LiveStore

    init(output: String, size: ValidationSize, settings: [ValidationSetting], model: String, seed: UInt64) throws {
        let processors = ProcessInfo.processInfo.activeProcessorCount
        for setting in settings {
            let shares = setting.devices.reduce(0) { $0 + $1.processors }
            if let problem = LiveDevice.problem(shares: shares, processors: processors) {
                throw Failure(.usage, "\(setting.name): \(problem); leave it out with --only")
            }
        }
        (self.size, self.settings, self.model, self.seed) = (size, settings, model, seed)
        store = try LiveStore(output, settings: Purpose(size: size, model: model, seed: seed))
    }

    func run() async throws {
        var problems: [String: String] = [:]
        for setting in settings where try !isDone(setting) {
            Stoppable.tell("starting \(setting.name): \(setting.title)")
            do {
                try await measure(setting)
            } catch let error as Failure where !Task.isCancelled {
                problems[setting.name] = error.description
                Stoppable.tell("\(setting.name): \(error.description)")
            }
            try Task.checkCancellation()
            _ = try report(problems)
        }
        print(try report(problems), terminator: "")
        guard problems.isEmpty else { throw Failure(.failed, "\(problems.count) settings were not measured") }
    }

    private func name(_ setting: ValidationSetting, _ share: Double) -> String {
        "\(setting.name)/at-\(Int((share * 100).rounded()))"
    }

    private func isDone(_ setting: ValidationSetting) throws -> Bool {
        try size.shares.allSatisfy { try store.run(name(setting, $0)) != nil }
    }

    private func stream(_ count: Int, _ model: ModelDescription?) throws -> RequestStream {
        let settings = LiveSettings(.standard)
        do {
            return try LiveStream.requests(
                count, seed: seed, promptTokens: settings.promptTokens, outputTokens: settings.outputTokens,
                longest: min(model?.maxContext ?? 2048, 1024))
        } catch {
            throw Failure(.usage, error.message)
        }
    }

    private func measure(_ setting: ValidationSetting) async throws {
        let file = store.path + "/\(setting.name)-fleet.json"
        try OutputFile.write(
            JSONOutput.text(File(devices: setting.devices, roles: setting.roles)) + "\n", to: file)
        let count = try LaunchFleetFile.read(file).expanded.count
        let start = LiveCluster.Start(
            model: model, fleet: file, directory: store.path + "/cluster/\(setting.name)",
            settings: LiveServing.common(devices: count) + (LiveServing(.e2llm)?.settings ?? []), devices: count)
        try await LiveCluster.with(start) { cluster in
            let served = try await cluster.server.fleet()
            guard let plan = served.plan else { throw Failure(.failed, "no plan is in force") }
            let capacity = try capacity(plan, served.fleet)
            for share in size.shares where try store.run(name(setting, share)) == nil {
                let rate = share * capacity
                let load = try await LiveLoad.measured(
                    cluster, try stream(size.requests(rate: rate), served.fleet.model), rate: rate, seed: seed,
                    system: setting.name)
                try store.keep(name(setting, share), load)
                Stoppable.tell(
                    "\(name(setting, share)): \(TableFigure.short(rate)) requests/s, others took "
                        + "\(TableFigure.short(load.machine.disturbance * 100)) %")
            }
        }
    }

    private func live(_ fleet: Fleet) throws -> LiveFleet {
        do {
            return try LiveFleet(fleet, stream: try stream(400, fleet.model), seed: seed)
        } catch let error as ExperimentError {
            throw Failure(.failed, error.message)
        }
    }

    private func capacity(_ plan: PlacementPlan, _ fleet: Fleet) throws -> Double {
        guard let serving = LiveServing(.e2llm) else { throw Failure(.failed, "the services cannot be configured") }
        do {
            return try live(fleet).capacity(plan, serving.simulation)
        } catch let error as ExperimentError {
            throw Failure(.failed, error.message)
        }
    }

    private func report(_ problems: [String: String]) throws -> String {
        var runs: [ValidationRun] = []
        var modelName = ""
        for setting in settings {
            for share in size.shares {
                guard let run = try store.run(name(setting, share)), let serving = LiveServing(.e2llm) else { continue }
                modelName = run.record.model
                do {
                    let simulated = try live(run.fleet).simulated(run.record, serving.simulation)
                    runs.append(
                        ValidationRun(
                            setting: setting.name, share: share, real: run.record, simulated: simulated,
                            machine: run.machine))
                } catch let error as ExperimentError {
                    throw Failure(.failed, "\(name(setting, share)): \(error.message)")
                }
            }
        }
        let result = ValidationResult(
            size: size, settings: settings, model: modelName, machine: MachineWatch.name, runs: runs, problems: problems
        )
        let report = ValidationReport(result)
        let folder = try ExperimentFolder(store.path)
        try folder.write("validation.json", try result.json())
        try folder.write("validation.csv", Array(result.csv.utf8))
        try folder.write("validation.md", Array(report.markdown.utf8))
        try folder.write("validation.html", Array(report.html.utf8))
        for picture in report.pictures { try folder.write("validation-\(picture.name).svg", Array(picture.svg.utf8)) }
        return report.markdown
    }
}
