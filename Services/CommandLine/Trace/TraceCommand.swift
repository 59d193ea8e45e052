import ArgumentParser
import Domain
import Foundation
import Protocol
import ServiceRuntime

/// `e2llm trace`: what happened to a request, on every process.
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Shows every moment of a request on every process, and where its time went.",
        discussion: """
            Gateway, scheduler and workers remember their last 8192 moments each, without tokens and texts. REQUEST is \
            the id of an answer (chatcmpl-... or cmpl-...); with a number behind it (-0, -1, ...), one of its choices.
            """)

    @Argument(help: "The id of an answer.") var request: String?
    @Flag(help: "The newest request of the gateway.") var last = false
    @Option(help: "All requests of so many last seconds; with --json or --chrome.") var fleet: Double?
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "Write a file that ui.perfetto.dev and chrome://tracing show.") var chrome: String?
    @OptionGroup var cluster: ClusterOptions

    func validate() throws {
        guard (request == nil ? 0 : 1) + (last ? 1 : 0) + (fleet == nil ? 0 : 1) == 1 else {
            throw ValidationError("name a request, or say --last or --fleet SECONDS")
        }
        if let fleet {
            guard (0.001...86_400).contains(fleet) else { throw ValidationError("--fleet takes seconds up to a day") }
            guard json || chrome != nil else { throw ValidationError("--fleet needs --json or --chrome FILE") }
        }
        if let request, Self.wireName(request).isEmpty || request.utf8.count > WireLimits.maximumNameBytes {
            throw ValidationError("\"\(request.prefix(64))\" names no request")
        }
    }

    func run() async throws {
        try await Failure.reporting {
            let fleetNow = try await cluster.ask(.registry, .fleetGet, as: Fleet.self).body
            let reader = TraceReader(addresses: try cluster.addresses(), fleet: fleetNow)
            let trace = try await reader.read(request: request.map(Self.wireName), seconds: fleet)
            if let chrome {
                do {
                    try ChromeTrace(trace).data().write(to: URL(fileURLWithPath: chrome))
                } catch {
                    throw Failure(.failed, "cannot write \(chrome): \(error.localizedDescription)")
                }
            }
            let report = TraceReport(trace)
            if json { return try JSONOutput.print(report) }
            if fleet == nil { print(report.table + "\n") }
            print(report.text)
        }
    }

    /// What the processes call an answer.
    static func wireName(_ id: String) -> String {
        for prefix in ["chatcmpl-", "cmpl-"] where id.hasPrefix(prefix) { return String(id.dropFirst(prefix.count)) }
        return id
    }
}
