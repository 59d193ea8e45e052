import ArgumentParser

/// `e2llm experiment`: experiments that need no fleet at hand.
struct ExperimentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "experiment", abstract: "Runs an experiment and writes its report.",
        subcommands: [
            PlannerExperimentCommand.self, PaperExperimentCommand.self, LadderExperimentCommand.self,
            AblationExperimentCommand.self,
        ])
}
