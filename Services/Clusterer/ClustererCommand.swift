import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Searches placement plans.
@main
struct ClustererCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "clusterer", abstract: "Searches groups, roles and decode concurrency; proposes placement plans.",
        version: ProductVersion.number)
    static let service = ServiceName.clusterer
    static let keys = ClustererConfiguration.keys

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [ClustererService.make(try ClustererConfiguration(reader: settings), logger: logger)]
    }
}
