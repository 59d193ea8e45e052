import ArgumentParser
import Messaging
import ServiceRuntime

/// Serves the OpenAI-compatible HTTP interface.
@main
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Serves the OpenAI-compatible HTTP interface of the fleet.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let logger = options.makeLogger("gateway")
        let configuration = try GatewayConfiguration(reader: options.settings(GatewayConfiguration.keys))
        let model = try ServedModel(configuration)
        let context = try MessagingContext()
        let gateway = GatewayServer.build(configuration, model: model, context: context, logger: logger)
        // Stopped in reverse order: HTTP first, so that running streams can end.
        try await ServiceMain.run([gateway.service, gateway.http], logger: logger)
        await context.terminate()
    }
}
