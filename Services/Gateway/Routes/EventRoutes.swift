import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceRuntime

/// `/v1/cluster/events` and `/v1/cancel/{id}`.
struct EventRoutes: Sendable {
    let service: GatewayService
    let writeTimeout: Duration

    /// Everything about the cluster in one stream: `snapshot` first, then `delta`s (RFC 7396), each with an id. A client that comes
    /// back says the last id that it has, and gets what it has missed, or a snapshot. With `?steps=1` there is `steps` as well, about once a second.
    func events(_ request: Request, _ connection: ClientConnection) throws(APIError) -> Response {
        var last: EventID?
        if let text = request.headers[.lastEventID] { last = EventID(text) }
        let wantsSteps = request.uri.queryParameters["steps"].map { $0 == "1" } ?? false
        let watch = try service.events.watch(after: last, wantsSteps: wantsSteps)
        // What is known may be old, where nobody has watched for a while.
        service.lookAround()
        let gone = connection.onGone { watch.end() }
        let writing = StreamWatch(
            interval: .seconds(5), writeTimeout: writeTimeout, nudge: { watch.nudge() }, cut: { connection.abort() })
        return Response(
            status: .ok, headers: ServerSentEvents.headers,
            body: ResponseBody { writer in
                defer {
                    writing.stop()
                    gone.stop()
                    watch.end()
                }
                try await writing.write(ServerSentEvents.retry, to: &writer)
                for event in watch.next() { try await writing.write(event.frame, to: &writer) }
                for await _ in watch.signals {
                    for event in watch.next() { try await writing.write(event.frame, to: &writer) }
                }
                try await writer.finish(nil)
                // It ends on this side only where the server stops.
                connection.closeAfterAnswer()
            })
    }

    /// Ends a request that its client still waits for; the client gets the error `cancelled`.
    ///
    /// - Throws: 404 where no such request runs or waits.
    func cancel(_ path: String) throws(APIError) -> Response {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let count = service.cancel(named: name)
        guard count > 0 else {
            throw APIError.notFound("no request called \(name.prefix(128)) runs or waits", code: "request_not_found")
        }
        return .json(["id": .string(name), "cancelled": .integer(count)])
    }
}

extension ClusterWatch.Event {
    /// The event on a stream.
    fileprivate var frame: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("event: \(name)\n")
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("data: ")
        buffer.writeBytes(data)
        buffer.writeString("\n\n")
        return buffer
    }
}

extension ServerSentEvents {
    /// Says how long to wait before coming back.
    static let retry = ByteBuffer(string: "retry: 1000\n\n")
}

extension HTTPField.Name {
    /// The last event that a client has.
    fileprivate static let lastEventID: HTTPField.Name = {
        guard let name = HTTPField.Name("last-event-id") else { preconditionFailure("it is a header name") }
        return name
    }()
}
