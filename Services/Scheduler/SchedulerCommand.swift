import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime

/// The `scheduler` executable.
@main
struct SchedulerCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "Puts plans in force on the workers, admits requests and routes them.",
        version: ProductVersion.number)
    static let service = ServiceName.scheduler
    static let keys = SchedulerConfiguration.keys

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [SchedulerService.make(try SchedulerConfiguration(reader: settings), logger: logger)]
    }
}
