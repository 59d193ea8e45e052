import ArgumentParser
import Domain
import Foundation

/// The `e2llm` executable.
@main
struct E2LLMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "e2llm",
        abstract: "Serves large language models on fleets of unequal devices.",
        discussion: "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no cluster is ready.",
        version: ProductVersion.number,
        subcommands: [
            UpCommand.self, DeviceCommand.self, RunCommand.self, GenerateCommand.self, TokenizeCommand.self,
            ComposeCommand.self, ConformanceCommand.self, KeysCommand.self, InviteCommand.self, HealthCheckCommand.self,
            MetricsCommand.self, ExporterCommand.self, TraceCommand.self,
            BenchCommand.self,
            PerplexityCommand.self, NodesCommand.self, PlanCommand.self, WhatIfCommand.self, TopCommand.self,
            DoctorCommand.self, ProcessesCommand.self, LogsCommand.self, ConfigCommand.self,
            PullCommand.self, ModelListCommand.self, ShowCommand.self, RemoveCommand.self,
            SimulateCommand.self, CompareCommand.self, ReportCommand.self, ExperimentCommand.self, ValidateCommand.self,
            VersionCommand.self,
        ])

    static func main() async {
        do {
            _ = try parseAsRoot()
        } catch  where isWrongUsage(error) {
            FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
            exit(withError: ExitCode(Failure.Kind.usage.rawValue))
        } catch {
            // Help and the like, which the library prints below.
        }
        await main(nil)
    }

    /// Whether the library refuses the arguments. It would end with EX_USAGE of sysexits.h.
    static func isWrongUsage(_ error: any Error) -> Bool { exitCode(for: error) == .validationFailure }
}

/// `e2llm version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    @Flag(help: "Print JSON.") var json = false

    func run() {
        print(
            json
                ? #"{"protocol":"\#(ProductVersion.wire)","version":"\#(ProductVersion.number)"}"#
                : ProductVersion.number)
    }
}
