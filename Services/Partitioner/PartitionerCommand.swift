import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Answers partition queries.
@main
struct PartitionerCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "partitioner", abstract: "Finds the best contiguous layer ranges for groups of devices.",
        version: ProductVersion.number)
    static let service = ServiceName.partitioner
    static let keys = PartitionerConfiguration.keys

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [PartitionerService.make(try PartitionerConfiguration(reader: settings), logger: logger)]
    }
}
