import ArgumentParser
import Domain
import Logging
import ServiceLifecycle
import ServiceRuntime
import StageRuntime

/// The `prefill-worker` executable.
@main
struct PrefillWorkerCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "prefill-worker",
        abstract: "Serves one stage of a prefill replica.",
        version: ProductVersion.number)
    static let service = ServiceName.prefillWorker
    static var keys: [SettingKey] { WorkerService.keys }

    @OptionGroup var options: ServiceOptions

    func services(_ settings: Settings, _ logger: Logger) throws -> [any Service] {
        [try WorkerService.make(kind: .prefill, settings: settings, logger: logger)]
    }
}
