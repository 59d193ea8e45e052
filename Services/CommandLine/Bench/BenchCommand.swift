import ArgumentParser

/// `e2llm bench`: measurements of the engine in one process, and of a running fleet.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures the engine in one process, or a running fleet under load.",
        subcommands: [EngineBenchCommand.self, LoadBenchCommand.self])
}
