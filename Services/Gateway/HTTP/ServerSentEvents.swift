import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization

/// Frames of a stream of events.
enum ServerSentEvents {
    /// One event.
    static func frame(_ value: JSONValue) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("data: ")
        buffer.writeBytes(value.serialized())
        buffer.writeString("\n\n")
        return buffer
    }

    /// One event that has a name.
    static func frame(_ value: JSONValue, named name: String) -> ByteBuffer {
        var buffer = ByteBuffer(string: "event: \(name)\n")
        buffer.writeImmutableBuffer(frame(value))
        return buffer
    }

    /// Says that nothing follows.
    static let done = ByteBuffer(string: "data: [DONE]\n\n")
    /// Keeps proxies and clients from giving up.
    static let comment = ByteBuffer(string: ": keep-alive\n\n")

    /// The headers of a stream.
    static var headers: HTTPFields {
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream; charset=utf-8"
        headers[.cacheControl] = "no-cache"
        headers[.acceleratorBuffering] = "no"
        return headers
    }
}

/// Watches a stream from the side: wakes its writer while nothing comes, and cuts off a client that does not read.
final class StreamWatch: Sendable {
    private let writing = Mutex<ContinuousClock.Instant?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Starts to watch; `nudge` is called every `interval`, `cut` once when a write takes longer than `writeTimeout`.
    init(
        interval: Duration, writeTimeout: Duration, nudge: @escaping @Sendable () -> Void,
        cut: @escaping @Sendable () -> Void
    ) {
        let watching = Task { [weak self] in
            while !Task.isCancelled {
                do { try await Task.sleep(for: interval) } catch { return }
                guard let self else { return }
                if let since = self.writing.withLock({ $0 }), ContinuousClock.now - since > writeTimeout {
                    return cut()
                }
                nudge()
            }
        }
        task.withLock { $0 = watching }
    }

    deinit { stop() }

    /// Writes, under watch; concurrent like the writer's own methods, because the writer may not cross isolations.
    @concurrent func write(_ buffer: ByteBuffer, to writer: inout any ResponseBodyWriter) async throws {
        writing.withLock { $0 = .now }
        defer { writing.withLock { $0 = nil } }
        try await writer.write(buffer)
    }

    /// Ends watching.
    func stop() {
        task.withLock { task in
            task?.cancel()
            task = nil
        }
    }
}
