import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Knows the fleet and has it measured.
@main
struct ProfilerCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "profiler", abstract: "Registers devices, has them and their links measured, publishes the fleet.",
        version: ProductVersion.number)
    static let service = ServiceName.profiler
    static let keys = ProfilerConfiguration.keys

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [ProfilerService.make(try ProfilerConfiguration(reader: settings), logger: logger)]
    }
}
