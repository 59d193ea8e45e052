import ArgumentParser
import Domain
import ServiceRuntime
import StageRuntime

/// The `prefill-worker` executable.
@main
struct PrefillWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prefill-worker",
        abstract: "Serves one stage of a prefill replica.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let service = try WorkerService.build(kind: .prefill, options: options)
        try await ServiceMain.run([service], logger: options.makeLogger("prefill-worker"))
    }
}
