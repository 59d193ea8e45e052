import ArgumentParser
import Domain
import Testing

@testable import Clusterer
@testable import CommandLineTool
@testable import DecoderWorker
@testable import Gateway
@testable import Partitioner
@testable import PrefillWorker
@testable import Profiler
@testable import Scheduler

@Suite("Every executable: --version")
struct VersionOptionTests {
    @Test func printsTheOneVersion() throws {
        let commands: [any ParsableCommand.Type] = [
            ClustererCommand.self, DecoderWorkerCommand.self, E2LLMCommand.self, GatewayCommand.self,
            PartitionerCommand.self, PrefillWorkerCommand.self, ProfilerCommand.self, SchedulerCommand.self,
        ]
        for command in commands {
            let end = try #require(throws: (any Error).self) { _ = try command.parseAsRoot(["--version"]) }
            #expect(command.fullMessage(for: end) == ProductVersion.number)
            #expect(command.exitCode(for: end) == .success)
        }
    }
}
