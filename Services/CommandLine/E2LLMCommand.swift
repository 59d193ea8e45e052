import ArgumentParser

/// The `e2llm` executable.
@main
struct E2LLMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "e2llm",
        abstract: "Serves large language models on fleets of unequal devices.",
        discussion: "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no cluster is ready.",
        subcommands: [
            UpCommand.self, DeviceCommand.self, RunCommand.self, GenerateCommand.self, TokenizeCommand.self,
            ComposeCommand.self, ConformanceCommand.self, KeysCommand.self, InviteCommand.self, HealthCheckCommand.self,
            MetricsCommand.self,
            BenchCommand.self,
            PerplexityCommand.self, NodesCommand.self, PlanCommand.self,
            SimulateCommand.self, CompareCommand.self, ReportCommand.self, ExperimentCommand.self, VersionCommand.self,
        ])
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
