import ArgumentParser
import Messaging
import ServiceRuntime

/// Answers partition queries.
@main
struct PartitionerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partitioner", abstract: "Finds the best contiguous layer ranges for groups of devices.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let logger = options.makeLogger("partitioner")
        let configuration = try PartitionerConfiguration(reader: options.settings(PartitionerConfiguration.keys))
        let context = try MessagingContext()
        let service = PartitionerService.build(configuration, context: context, logger: logger)
        try await ServiceMain.run([service], logger: logger)
        await context.terminate()
    }
}
