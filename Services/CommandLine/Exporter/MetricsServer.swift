import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Serves one text at `/metrics`.
struct MetricsServer: Sendable {
    let host: String
    /// 0 takes a free one.
    let port: Int
    /// What is told; `nil` for 503.
    let text: @Sendable () async -> String?

    /// Listens until the task is cancelled or the process is asked to stop.
    ///
    /// - Parameter onListening: called once with the port.
    /// - Throws: a `Failure` where it cannot listen there.
    func run(onListening: @escaping @Sendable (Int) async -> Void) async throws {
        let router = Router()
        router.get("metrics") { [text] _, _ -> Response in
            guard let told = await text() else { return Response(status: .serviceUnavailable) }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: told)))
        }
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "e2llm"),
            onServerRunning: { await onListening($0.localAddress?.port ?? port) },
            logger: Logger(label: "exporter") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await application.runService()
        } catch let error as IOError {
            throw Failure(.failed, "cannot listen at \(HostText.bracketed(host)):\(port): \(error)")
        }
    }
}
