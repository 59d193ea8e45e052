import ArgumentParser
import Foundation

/// `e2llm exporter`: the figures of a whole cluster for Prometheus.
struct ExporterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exporter",
        abstract: "Serves the figures of all processes of a cluster at /metrics, for Prometheus.",
        discussion:
            "Each time it is asked it asks services and workers, the profiler for devices and links, and the scheduler for plan and loads."
    )

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Where to listen, as HOST:PORT; port 0 takes a free one.") var listen: String = "127.0.0.1:9464"
    @Flag(help: "Print the text once and end.") var once = false

    func run() async throws {
        try await Failure.reporting {
            if once { return print(try await ClusterMetrics(addresses: cluster.addresses()).read(), terminator: "") }
            let (host, port) = try Self.place(listen)
            // Addresses are read anew each time: a cluster that was started again has other ones.
            let server = MetricsServer(host: host, port: port) {
                try? await ClusterMetrics(addresses: cluster.addresses()).read()
            }
            try await server.run { port in
                print("metrics: http://\(HostText.bracketed(host)):\(port)/metrics")
                fflush(nil)
            }
        }
    }

    /// Host and port.
    ///
    /// - Throws: a `Failure` where the text is not HOST:PORT.
    static func place(_ text: String) throws -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port), colon > text.startIndex
        else { throw Failure(.usage, "--listen takes HOST:PORT, not \(text)") }
        return (HostText.plain(String(text[..<colon])), port)
    }
}
