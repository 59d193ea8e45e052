import ArgumentParser
import Messaging
import ServiceRuntime

/// Knows the fleet and has it measured.
@main
struct ProfilerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profiler", abstract: "Registers devices, has them and their links measured, publishes the fleet.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let logger = options.makeLogger("profiler")
        let configuration = try ProfilerConfiguration(reader: options.settings(ProfilerConfiguration.keys))
        let context = try MessagingContext()
        let service = ProfilerService.build(configuration, context: context, logger: logger)
        try await ServiceMain.run([service], logger: logger)
        await context.terminate()
    }
}
