import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Serves the OpenAI-compatible HTTP interface.
@main
struct GatewayCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Serves the OpenAI-compatible HTTP interface of the fleet.",
        version: ProductVersion.number)
    static let service = ServiceName.gateway
    static let keys = GatewayConfiguration.keys

    @OptionGroup var options: ServiceOptions

    /// Running streams, and then everything else.
    func stopTime(_ settings: Settings) throws -> Duration {
        .seconds(try settings.double("gateway.drain_s", in: 0...600) + 5)
    }

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        let configuration = try GatewayConfiguration(reader: settings)
        let model = try ServedModel(configuration)
        if let problem = model.vocabulary.chatProblem {
            logger.warning("\(configuration.modelPath): \(problem); chats are refused, completions are served")
        }
        let gateway = GatewayServer.build(configuration, model: model, logger: logger)
        // Stopped in reverse order: HTTP first, so that running streams can end.
        return [gateway.service.shell, gateway.http]
    }
}
