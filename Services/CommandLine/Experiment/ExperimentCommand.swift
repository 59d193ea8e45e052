import ArgumentParser

/// `e2llm experiment`: experiments that need no fleet at hand, and one that starts its own.
struct ExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "experiment", abstract: "Runs an experiment and writes its report.",
        subcommands: [
            PlannerExperimentCommand.self, PaperExperimentCommand.self, LadderExperimentCommand.self,
            AblationExperimentCommand.self, LiveExperimentCommand.self, PublishedExperimentCommand.self,
        ])
}
