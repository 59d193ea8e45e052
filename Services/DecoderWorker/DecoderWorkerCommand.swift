import ArgumentParser
import Domain
import ServiceRuntime
import StageRuntime

/// The `decoder-worker` executable.
@main
struct DecoderWorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoder-worker",
        abstract: "Serves one stage of a decoder or mixed replica.")

    @OptionGroup var options: ServiceOptions

    func run() async throws {
        let service = try WorkerService.build(kind: .decode, options: options)
        try await ServiceMain.run([service], logger: options.makeLogger("decoder-worker"))
    }
}
