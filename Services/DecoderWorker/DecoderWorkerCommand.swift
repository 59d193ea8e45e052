import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime
import StageRuntime

/// The `decoder-worker` executable.
@main
struct DecoderWorkerCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoder-worker",
        abstract: "Serves one stage of a decoder or mixed replica.",
        version: ProductVersion.number)
    static let service = ServiceName.decoderWorker
    static var keys: [SettingKey] { WorkerService.keys }

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [try WorkerService.make(kind: .decode, settings: settings, logger: logger)]
    }
}
