import ArgumentParser
import Foundation

/// `e2llm ps`: the processes of a cluster that `e2llm up` started here.
struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "Shows the processes of a cluster of this machine.")

    @Option(help: "The HTTP port of the cluster; default: the newest one.") var port: Int?
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let record = try ClusterRecord.running(port: port)
            let table = ProcessTable(
                RunningProcess.all(), root: record.processIdentifier, uptime: RunningProcess.uptime())
            if json { try JSONOutput.print(table) } else { print(table.text) }
        }
    }
}

extension ClusterRecord {
    /// A cluster that runs on this machine.
    ///
    /// - Throws: a `Failure` where none does.
    static func running(port: Int?) throws -> ClusterRecord {
        let found = live().first { record in port.map { record.http.hasSuffix(":\($0)") } ?? true }
        guard let found else {
            throw Failure(
                .notReady,
                port.map { "no cluster of this machine serves port \($0)" }
                    ?? "no cluster that `e2llm up` started runs on this machine")
        }
        return found
    }
}
