import ArgumentParser

/// `e2llm bench`: measurements of the engine in one process, of a running fleet, and of any server of OpenAI's interface.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures the engine in one process, or a running server under load.",
        subcommands: [EngineBenchCommand.self, LoadBenchCommand.self, ServeBenchCommand.self, ControlBenchCommand.self])
}
