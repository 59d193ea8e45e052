import Domain
import Logging
import Messaging
import Protocol
import ServiceRuntime
import Synchronization

/// Connections to the data sockets of other workers and to gateways, opened on first use.
///
/// Sending never waits: what the socket has no room for goes into a queue of the link, from which a task sends in order at
/// the pace of the link. `waitingBytes` tells the core when to stop producing for a peer, `takeStalled` which peers take
/// nothing any more.
final class PeerLinks {
    /// What waits for one peer; the task of the link and the run loop share it.
    final class Load: Sendable {
        struct State {
            var bytes = 0
            var messages = 0
            /// Messages by the request that they are about.
            var requests: [RequestID: Int] = [:]
            /// When something last left, or began to wait.
            var moved = ContinuousClock.now
        }

        let state = Mutex(State())

        var isEmpty: Bool { state.withLock { $0.messages == 0 } }

        func add(_ message: Outgoing) {
            state.withLock {
                if $0.messages == 0 { $0.moved = .now }
                $0.bytes += PeerLinks.size(message)
                $0.messages += 1
                if let request = message.request { $0.requests[request, default: 0] += 1 }
            }
        }

        /// Returns whether less than `bound` bytes wait now, and more did before.
        func remove(_ message: Outgoing, crossing bound: Int) -> Bool {
            state.withLock {
                let before = $0.bytes
                $0.bytes -= PeerLinks.size(message)
                $0.messages -= 1
                $0.moved = .now
                if let request = message.request, let count = $0.requests[request] {
                    $0.requests[request] = count > 1 ? count - 1 : nil
                }
                return before > bound && $0.bytes <= bound
            }
        }
    }

    /// The socket of a link once it is there.
    private final class LinkSocket: Sendable {
        let client = Mutex<ClientSocket?>(nil)
    }

    /// What waits, by endpoint.
    private final class Loads: Sendable {
        let byEndpoint = Mutex<[String: Load]>([:])
    }

    private struct Link {
        let queue = EventQueue<Outgoing>(capacity: .max)
        let load = Load()
        let socket = LinkSocket()
        let task: Task<Void, Never>

        init(endpoint: String, links: PeerLinks) {
            let (thread, session, egress, logger) = (links.thread, links.session, links.egress, links.logger)
            let keyring = links.keyring
            let onDrained = links.onDrained
            task = Task(executorPreference: thread.executor) { [queue, load, socket] in
                do {
                    let client = try await ClientSocket.connect(
                        announced: endpoint, keyring: keyring, on: thread, session: session, name: "data",
                        options: .tensor, link: egress)
                    socket.client.withLock { $0 = client }
                    while let message = await queue.next() {
                        do {
                            try await client.send(message)
                        } catch {
                            logger.debug("\(message.type) to \(endpoint) was not sent: \(error)")
                        }
                        if load.remove(message, crossing: PeerLinks.drainedBytes) { onDrained() }
                    }
                    socket.client.withLock { $0 = nil }
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
    let keyring: Keyring?
    /// Called when a peer that had much to take has taken most of it.
    private let onDrained: @Sendable () -> Void
    private let egress: ShapedLink?
    private let logger: Logger
    private var links: [String: (link: Link, lastUse: ContinuousClock.Instant)] = [:]
    private let loads = Loads()

    /// Below this many waiting bytes a link counts as drained: less than the bound of the core, so that it goes on early.
    static let drainedBytes = 4 << 20
    /// Messages that may wait for one peer: more are only there where it takes nothing.
    private static let mostMessages = 8192
    /// A peer that takes less than this is taken for lost.
    private static let slowestBytesPerSecond = 250_000.0

    init(
        thread: SocketThread, session: Session, keyring: Keyring?, egress: ShapedLink?, logger: Logger,
        onDrained: @escaping @Sendable () -> Void
    ) {
        self.thread = thread
        self.session = session
        self.keyring = keyring
        self.egress = egress
        self.logger = logger
        self.onDrained = onDrained
    }

    /// Bytes of tensors that wait for a peer.
    var waitingBytes: @Sendable (String) -> Int {
        { [loads] endpoint in
            loads.byEndpoint.withLock { $0[endpoint] }?.state.withLock { $0.bytes } ?? 0
        }
    }

    /// Sends a message to an endpoint, at once where nothing waits for it.
    func send(_ message: Outgoing, to endpoint: String) {
        let link = links[endpoint]?.link ?? Link(endpoint: endpoint, links: self)
        if links[endpoint] == nil { loads.byEndpoint.withLock { $0[endpoint] = link.load } }
        links[endpoint] = (link, .now)
        // A step waits for what is sent here: no task has to run before it leaves.
        if link.load.isEmpty, let client = link.socket.client.withLock({ $0 }), client.trySend(message) { return }
        link.load.add(message)
        link.queue.push(message)
    }

    /// Peers that have taken nothing for so long that they never will, with the requests whose messages are dropped.
    func takeStalled() -> [(endpoint: String, requests: [RequestID])] {
        let now = ContinuousClock.now
        var stalled: [(endpoint: String, requests: [RequestID])] = []
        for (endpoint, entry) in links.sorted(by: { $0.key < $1.key }) {
            let state = entry.link.load.state.withLock { $0 }
            guard state.messages > 0 else { continue }
            // What a slow link has in hand may take its time.
            let bytes = Double(min(state.bytes, SocketOptions.tensor.sendQueue.bytes + WireLimits.maximumFrameBytes))
            let limit = Duration.seconds(3 + bytes / Self.slowestBytesPerSecond)
            let isFull = state.messages > Self.mostMessages
            guard isFull || state.moved.duration(to: now) > limit else { continue }
            entry.link.task.cancel()
            entry.link.queue.close()
            forget(endpoint)
            stalled.append((endpoint, state.requests.keys.sorted()))
        }
        return stalled
    }

    /// Closes links that have not been used for a while.
    func closeIdle(longerThan limit: Duration) {
        let now = ContinuousClock.now
        for (endpoint, entry) in links
        where entry.lastUse.duration(to: now) > limit && entry.link.load.state.withLock({ $0.messages }) == 0 {
            entry.link.queue.close()
            forget(endpoint)
        }
    }

    private func forget(_ endpoint: String) {
        links[endpoint] = nil
        loads.byEndpoint.withLock { $0[endpoint] = nil }
    }

    /// How long a peer that takes nothing is waited for at the end.
    private static let patience = Duration.seconds(2)

    /// Sends what is queued, as far as peers take it, and closes all links.
    func close() async {
        let all = links.values.map(\.link)
        links = [:]
        for link in all { link.queue.close() }
        let tasks = all.map(\.task)
        let limit = Self.cancel(tasks, after: Self.patience)
        for task in tasks { await task.value }
        limit.cancel()
    }

    private static func cancel(_ tasks: [Task<Void, Never>], after patience: Duration) -> Task<Void, any Error> {
        Task {
            try await Task.sleep(for: patience)
            for task in tasks { task.cancel() }
        }
    }

    private static func size(_ message: Outgoing) -> Int { message.tensors.reduce(0) { $0 + $1.count } }
}
