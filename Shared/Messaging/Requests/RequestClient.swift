/// Requests over a DEALER: sends, and hands each reply to the task that waits for it.
///
/// The module knows no envelopes: the caller tells how to read from a message which request it answers. Messages that answer
/// nobody (events, late replies, further replies) go to `unmatched`. After a restart of the peer the socket connects again
/// by itself; requests queued meanwhile are sent, requests whose reply was lost time out.
/// `close`, the end of the thread or of the context fail all waiting requests with `closed`.
public final class RequestClient: Sendable {
    private let socket: DealerSocket
    private let replies: PendingReplies

    private init(socket: DealerSocket, replies: PendingReplies) {
        self.socket = socket
        self.replies = replies
    }

    /// Opens a client; the peer need not be there yet.
    ///
    /// - Parameters:
    ///   - correlation: the correlation of the request that a message answers, or `nil`; called on the socket thread.
    ///   - unmatched: receives every other message; called on the socket thread, must return at once.
    ///   - onEvent: called on the socket thread; must return at once.
    /// - Throws: `badEndpoint`, naming the endpoint, or `badOption`.
    public static func connect(
        to endpoint: String, on thread: SocketThread, identity: PeerIdentity? = nil,
        options: SocketOptions = .control, link: ShapedLink? = nil,
        correlation: @escaping @Sendable (Message) -> String?,
        unmatched: @escaping @Sendable (Message) -> Void = { _ in },
        onEvent: (@Sendable (SocketEvent) -> Void)? = nil
    ) async throws(MessagingError) -> RequestClient {
        let replies = PendingReplies()
        let receive: @Sendable (Message) -> Void = { message in
            if let key = correlation(message), replies.complete(key, .success(message)) { return }
            unmatched(message)
        }
        let socket = try await DealerSocket.connect(
            to: endpoint, on: thread, identity: identity, options: options, link: link, receiver: .handler(receive)
        ) { event in
            if case .closed = event { replies.close() }
            onEvent?(event)
        }
        return RequestClient(socket: socket, replies: replies)
    }

    /// The identity under which the ROUTER knows this client.
    public var identity: PeerIdentity { socket.identity }

    /// Where the client connects to.
    public var endpoint: String { socket.endpoint }

    /// Sends a request and waits for the reply with the same correlation.
    ///
    /// - Throws: `timedOut`, `cancelled`, `closed`, `queueFull` (the peer is away or behind and the queue is at its limit),
    ///   `duplicateCorrelation`.
    public func request(
        _ frames: [Frame], correlation: String, timeout: Duration
    ) async throws(MessagingError) -> Message {
        let key = replies.makeKey(correlation)
        let timer = Task { [replies, endpoint] in
            guard (try? await Task.sleep(for: timeout)) != nil else { return }
            let error = MessagingError(.timedOut, "no reply from \(endpoint) to \(correlation) within \(timeout)")
            replies.fail(key, error)
        }
        defer { timer.cancel() }
        let result: Result<Message, MessagingError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let error = replies.add(key, continuation) {
                    continuation.resume(returning: .failure(error))
                    return
                }
                switch socket.trySend(frames) {
                case .accepted: break
                case .queueFull:
                    replies.fail(key, MessagingError(.queueFull, "the queue to \(endpoint) is full"))
                case .closed:
                    replies.fail(key, MessagingError(.closed, "the client of \(endpoint) is closed"))
                }
            }
        } onCancel: {
            replies.fail(key, MessagingError(.cancelled, "the request \(correlation) was cancelled"))
        }
        return try result.get()
    }

    /// Sends a message that expects no reply; waits while the queue is full.
    ///
    /// - Throws: `closed` or `cancelled`.
    public func send(_ frames: [Frame]) async throws(MessagingError) { try await socket.send(frames) }

    /// Sends a message that expects no reply, if there is room in the queue.
    public func trySend(_ frames: [Frame]) -> SendOutcome { socket.trySend(frames) }

    /// Requests that wait for a reply.
    public var pendingRequests: Int { replies.count }

    /// Counters and queue lengths.
    public var statistics: SocketStatistics { socket.statistics }

    /// Fails all waiting requests with `closed`, then closes the socket.
    public func close() async {
        replies.close()
        await socket.close()
    }
}
