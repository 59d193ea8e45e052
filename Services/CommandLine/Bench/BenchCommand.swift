import ArgumentParser

/// `e2llm bench`: measurements without any service.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures speed in one process, without any service.",
        subcommands: [EngineBenchCommand.self])
}
