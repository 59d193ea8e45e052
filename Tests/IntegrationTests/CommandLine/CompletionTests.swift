import ArgumentParser
import Testing

@testable import CommandLineTool

/// Completions that shells are told of.
@Suite struct CompletionTests {
    @Test(arguments: [CompletionShell.bash, .zsh, .fish])
    func everyCommandIsCompleted(shell: CompletionShell) {
        let script = E2LLMCommand.completionScript(for: shell)
        for command in E2LLMCommand.configuration.subcommands {
            #expect(script.contains(command._commandName), "\(command._commandName) is missing")
        }
        #expect(script.contains("max-tokens") && script.contains("sort"))
        // The values of an option that has only some.
        #expect(TopColumn.allCases.allSatisfy { script.contains($0.rawValue) })
    }
}
