import ArgumentParser
import Logging
import ServiceRuntime

/// The `scheduler` executable.
@main
struct SchedulerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "Puts plans in force on the workers, admits requests and routes them.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let logger = options.makeLogger("scheduler")
        let configuration = try SchedulerConfiguration(reader: options.settings(SchedulerConfiguration.keys))
        try await ServiceMain.run([SchedulerService.build(configuration, logger: logger)], logger: logger)
    }
}
