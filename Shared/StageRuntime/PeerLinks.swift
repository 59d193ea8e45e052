import Logging
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// Connections to the data sockets of other workers and to gateways, opened on first use.
///
/// Sending never waits: every link has a queue and a task that sends in order at the pace of the link. `pendingBytes` tells
/// the worker when to stop producing.
final class PeerLinks {
    private final class ByteCounter: Sendable {
        let value = Atomic<Int>(0)
    }

    private struct Link {
        let queue = EventQueue<Outgoing>(capacity: .max)
        let pending = ByteCounter()
        let task: Task<Void, Never>

        init(endpoint: String, thread: SocketThread, session: Session, egress: ShapedLink?, logger: Logger) {
            task = Task { [queue, pending] in
                do {
                    let client = try await ClientSocket.connect(
                        to: endpoint, on: thread, session: session, name: "data", link: egress)
                    while let message = await queue.next() {
                        do {
                            try await client.send(message)
                        } catch {
                            logger.debug("\(message.type) to \(endpoint) was not sent: \(error)")
                        }
                        pending.value.wrappingSubtract(PeerLinks.size(message), ordering: .relaxed)
                    }
                    await client.close()
                } catch {
                    logger.warning("cannot connect to \(endpoint): \(error)")
                    while await queue.next() != nil {}
                }
            }
        }
    }

    let thread: SocketThread
    let session: Session
    private let egress: ShapedLink?
    private let logger: Logger
    private var links: [String: (link: Link, lastUse: ContinuousClock.Instant)] = [:]

    init(thread: SocketThread, session: Session, egress: ShapedLink?, logger: Logger) {
        self.thread = thread
        self.session = session
        self.egress = egress
        self.logger = logger
    }

    /// Bytes of tensors that wait to leave.
    var pendingBytes: Int { links.values.reduce(0) { $0 + $1.link.pending.value.load(ordering: .relaxed) } }

    /// Queues a message for an endpoint.
    func send(_ message: Outgoing, to endpoint: String) {
        let link =
            links[endpoint]?.link
            ?? Link(endpoint: endpoint, thread: thread, session: session, egress: egress, logger: logger)
        links[endpoint] = (link, .now)
        link.pending.value.wrappingAdd(Self.size(message), ordering: .relaxed)
        link.queue.push(message)
    }

    /// Closes links that have not been used for a while.
    func closeIdle(longerThan limit: Duration) {
        let now = ContinuousClock.now
        for (endpoint, entry) in links
        where entry.lastUse.duration(to: now) > limit && entry.link.pending.value.load(ordering: .relaxed) == 0 {
            entry.link.queue.close()
            links[endpoint] = nil
        }
    }

    /// Sends what is queued and closes all links.
    func close() async {
        let all = links.values.map(\.link)
        links = [:]
        for link in all { link.queue.close() }
        for link in all { await link.task.value }
    }

    private static func size(_ message: Outgoing) -> Int { message.tensors.reduce(0) { $0 + $1.count } }
}
