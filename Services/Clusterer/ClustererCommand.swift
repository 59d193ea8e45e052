import ArgumentParser
import Messaging
import ServiceRuntime

/// Searches placement plans.
@main
struct ClustererCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clusterer", abstract: "Searches groups, roles and decode concurrency; proposes placement plans.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let logger = options.makeLogger("clusterer")
        let configuration = try ClustererConfiguration(reader: options.settings(ClustererConfiguration.keys))
        let context = try MessagingContext()
        let service = ClustererService.build(configuration, context: context, logger: logger)
        try await ServiceMain.run([service], logger: logger)
        await context.terminate()
    }
}
