public import Domain
public import Logging
public import Messaging
public import Protocol
import Synchronization

/// Opens the sockets of a service on one thread and closes them with it.
///
/// Every socket answers `ping`; servers answer `health.get`, `metrics.get` and `trace.get` as well. Connections are watched, so that a service can
/// say which of its peers it cannot reach.
public final class ServiceSockets<Input: Sendable>: Sendable {
    /// A connection to another service.
    private struct Peer: Sendable {
        var name: String
        var endpoint: String
        var isConnected: @Sendable () -> Bool
    }

    private struct Opened {
        var bound: [EndpointSetting: String] = [:]
        var statistics: [(name: String, get: @Sendable () -> SocketStatistics)] = []
        var damaged: [(name: String, get: @Sendable () -> Int)] = []
        var peers: [Peer] = []
        var closing: [@Sendable () async -> Void] = []
        var work: [@Sendable () async -> Void] = []
        var registry: ClientSocket?
        /// Where the run loop runs; the thread of these sockets where nothing else is said.
        var loop: SocketThread?
    }

    /// The way into the run loop.
    public let inbox: ServiceInbox<Input>
    /// The identity of this process on the wire.
    public let session: Session
    /// The root of the sockets, for further threads.
    public let context: MessagingContext
    /// Where to bind and to connect.
    public let addresses: Addresses
    /// The service's logger.
    public let logger: Logger
    /// The thread of the sockets that are opened here.
    public let thread: SocketThread
    private let name: String
    private let opened = Mutex(Opened())

    init(
        name: String, inbox: ServiceInbox<Input>, session: Session, context: MessagingContext, addresses: Addresses,
        logger: Logger
    ) throws {
        self.name = name
        self.inbox = inbox
        self.session = session
        self.context = context
        self.addresses = addresses
        self.logger = logger
        thread = try context.makeThread(name: name)
    }

    // MARK: Opening

    /// Binds a ROUTER. The handler gets every message that is no reply and no question about the service itself, one at a time.
    public func server(
        _ setting: EndpointSetting, onUnroutable: (@Sendable (PeerIdentity) -> Void)? = nil,
        onDisconnected: (@Sendable () -> Void)? = nil,
        handler: @escaping @Sendable (ServerSocket, WireMessage) async -> Void
    ) async throws -> ServerSocket {
        let server = try await Self.binding(setting) {
            try await self.server(
                at: addresses.bind(setting), domain: setting.rawValue, onUnroutable: onUnroutable,
                onDisconnected: onDisconnected, handler: handler)
        }
        opened.withLock { $0.bound[setting] = server.endpoint }
        return server
    }

    /// Binds a ROUTER that is none of the well-known ones.
    ///
    /// - Parameter domain: what the socket is called, for figures and for who may connect.
    public func server(
        at endpoint: String, domain: String, on thread: SocketThread? = nil, options: SocketOptions = .control,
        onUnroutable: (@Sendable (PeerIdentity) -> Void)? = nil, onDisconnected: (@Sendable () -> Void)? = nil,
        handler: @escaping @Sendable (ServerSocket, WireMessage) async -> Void
    ) async throws -> ServerSocket {
        let queue = inbox.queue
        let keyring = addresses.keyring
        let server = try await ServerSocket.bind(
            endpoint, on: thread ?? self.thread, session: session,
            options: keyring?.binding(options, domain: domain) ?? options, onUnroutable: onUnroutable,
            onDisconnected: onDisconnected
        ) { server, message in
            if let refusal = keyring?.refusal(of: message) {
                server.tryReply(to: message, error: refusal)
            } else if message.type == .keysGet, let keyring, keyring.isAuthority {
                server.tryReply(to: message, Outgoing(.keys, body: keyring.published))
            } else if message.type == .healthGet || message.type == .metricsGet || message.type == .traceGet {
                queue.push(.asked(message, server))
            } else {
                await handler(server, message)
            }
        }
        opened.withLock {
            $0.statistics.append((domain, { server.statistics }))
            $0.damaged.append((domain, { server.damagedMessages }))
            $0.closing.append { await server.close() }
        }
        return server
    }

    /// Binds a PUB.
    public func publisher(_ setting: EndpointSetting) async throws -> StatePublisher {
        let options = addresses.keyring?.binding(.control, domain: setting.rawValue) ?? .control
        let publisher = try await Self.binding(setting) {
            try await StatePublisher.bind(addresses.bind(setting), on: thread, session: session, options: options)
        }
        opened.withLock {
            $0.statistics.append((setting.rawValue, { publisher.statistics }))
            $0.bound[setting] = publisher.endpoint
            $0.closing.append { await publisher.close() }
        }
        return publisher
    }

    /// Says which setting to change where something cannot be bound.
    private static func binding<Bound: Sendable>(
        _ setting: EndpointSetting, _ bind: () async throws -> Bound
    ) async throws -> Bound {
        do {
            return try await bind()
        } catch let error as MessagingError where error.code == .badEndpoint || error.code == .addressInUse {
            let advice =
                error.code == .addressInUse
                ? "another process is bound there; choose another place with endpoints.\(setting.rawValue)"
                : "set bind.\(setting.rawValue) to an address of this machine"
            throw RuntimeError(.badSetting, "\(error.message): \(advice)", isRetriable: error.isRetriable)
        }
    }

    /// Connects a DEALER; the peer need not be there yet.
    ///
    /// - Parameters:
    ///   - identity: prefix of the identity under which the peer knows this connection.
    ///   - onConnected: called on the socket's thread whenever the connection is made; must return at once.
    public func client(
        _ setting: EndpointSetting, identity: String? = nil, handler: @escaping ClientSocket.Handler = { _ in },
        onConnected: (@Sendable () -> Void)? = nil
    ) async throws -> ClientSocket {
        var options = try addresses.keyring?.connecting(.control, to: setting) ?? .control
        options.monitorsConnections = true
        let client = try await ClientSocket.connect(
            to: addresses[setting], on: thread, session: session, name: identity ?? name, options: options,
            handler: handler, onConnected: onConnected)
        opened.withLock {
            $0.statistics.append((setting.rawValue, { client.statistics }))
            $0.peers.append(
                Peer(name: setting.owner, endpoint: client.endpoint, isConnected: { client.isConnected }))
            $0.closing.append { await client.close() }
            if setting == .registry { $0.registry = client }
        }
        return client
    }

    /// Connects a SUB for one type of message; what cannot be read is ignored.
    public func subscriber<Body: Decodable & Sendable>(
        _ setting: EndpointSetting, _ type: MessageType, as _: Body.Type,
        handler: @escaping @Sendable (Body, WireMessage) async -> Void
    ) async throws {
        // States are published again and again, mostly as they were, and reading one of many devices takes milliseconds.
        let last = Mutex<(bytes: [UInt8], body: Body)?>(nil)
        let subscriber = try await StateSubscriber.connect(
            to: addresses[setting], topics: [type.rawValue], on: thread,
            options: addresses.keyring?.connecting(.control, to: setting) ?? .control
        ) { message in
            let bytes = message.header.body
            if let body = last.withLock({ $0?.bytes == bytes ? $0?.body : nil }) { return await handler(body, message) }
            guard let body = try? message.body(as: Body.self) else { return }
            last.withLock { $0 = (bytes, body) }
            await handler(body, message)
        }
        opened.withLock {
            $0.peers.append(
                Peer(name: setting.owner, endpoint: addresses[setting], isConnected: { subscriber.isConnected }))
            $0.closing.append { await subscriber.close() }
        }
    }

    /// Follows the fleet, which the profiler publishes on every change and every second.
    public func followFleet(_ handler: @escaping @Sendable (Fleet, WireMessage) async -> Void) async throws {
        try await subscriber(.fleet, .fleetSnapshot, as: Fleet.self, handler: handler)
    }

    /// Puts the run loop on another thread of sockets: that of those with which it has most to do.
    public func runLoop(on thread: SocketThread) { opened.withLock { $0.loop = thread } }

    /// Runs something beside the run loop until the service stops.
    public func run(_ work: @escaping @Sendable () async -> Void) { opened.withLock { $0.work.append(work) } }

    /// Runs something that sends and waits for time on the thread of these sockets, wherever the run loop runs.
    public func runBesideSockets(_ work: @escaping @Sendable (SocketClock) async -> Void) {
        let thread = thread
        run { await withTaskExecutorPreference(thread.executor) { await work(thread.clock) } }
    }

    // MARK: Looking

    /// Where the well-known sockets of this service are bound, with real ports.
    var bound: [EndpointSetting: String] { opened.withLock { $0.bound } }
    /// Where the run loop runs.
    var loopThread: SocketThread { opened.withLock { $0.loop } ?? thread }
    var work: [@Sendable () async -> Void] { opened.withLock { $0.work } }

    /// Peers that are not connected.
    var unreachable: [UnreachablePeer] {
        let peers = opened.withLock { $0.peers }
        var seen: Set<UnreachablePeer> = []
        return peers.filter { !$0.isConnected() }.map { UnreachablePeer(name: $0.name, endpoint: $0.endpoint) }.filter {
            seen.insert($0).inserted
        }
    }

    var figures: [ServiceFigure] {
        let (statistics, damaged) = opened.withLock { ($0.statistics, $0.damaged) }
        var figures: [ServiceFigure] = []
        for (name, get) in statistics {
            let now = get()
            func add(_ figure: String, _ help: String, _ value: Int, kind: ServiceFigure.Kind = .counter) {
                figures.append(ServiceFigure(figure, help, kind: kind, labels: ["socket": name], Double(value)))
            }
            add("messages_sent_total", "Messages sent.", now.sentMessages)
            add("bytes_sent_total", "Bytes sent.", now.sentBytes)
            add("messages_received_total", "Messages received.", now.receivedMessages)
            add("bytes_received_total", "Bytes received.", now.receivedBytes)
            add("messages_unroutable_total", "Messages for peers that were not connected.", now.unroutableMessages)
            add("messages_dropped_total", "Messages for peers that did not read.", now.stalledMessages)
            add(
                "handshakes_failed_total", "Connections refused: no key, a wrong one, another protocol.",
                now.failedHandshakes)
            add("messages_waiting", "Messages that wait to be sent.", now.queuedMessages, kind: .gauge)
        }
        if let keyring = addresses.keyring {
            figures.append(
                ServiceFigure(
                    "keys_refused_total", "Connections and messages that were refused for their keys.", kind: .counter,
                    Double(keyring.refused)))
        }
        for (name, get) in damaged {
            figures.append(
                ServiceFigure(
                    "messages_damaged_total", "Messages that could not be read.", kind: .counter,
                    labels: ["socket": name], Double(get())))
        }
        return figures
    }

    /// Keeps the list of keys as it is elsewhere, and says now and then how many peers were refused for theirs.
    func followKeys() async {
        guard let keyring = addresses.keyring else { return }
        let logger = logger
        await withDiscardingTaskGroup { group in
            group.addTask {
                await keyring.follow(self.opened.withLock { $0.registry }, clock: self.loopThread.clock) {
                    logger.info("\($0)")
                }
            }
            group.addTask {
                var told = 0
                while (try? await self.loopThread.clock.sleep(for: .seconds(told == 0 ? 5 : 60))) != nil {
                    let refused = keyring.refused
                    if refused > told {
                        logger.warning("\(refused - told) connections and messages were refused for their keys")
                    }
                    told = refused
                }
            }
        }
    }

    /// Says which peers cannot be reached and why, once when it is noticed and once a minute while it lasts.
    func watchPeers() async {
        var since: [UnreachablePeer: ContinuousClock.Instant] = [:]
        var told: [UnreachablePeer: ContinuousClock.Instant] = [:]
        // Where nobody is missing there is no hurry: looking costs more than anything else that an idle service does.
        while (try? await loopThread.clock.nextBeat(every: .seconds(since.isEmpty ? 4 : 1))) != nil {
            let now = ContinuousClock.now
            let missing = Set(unreachable)
            for peer in told.keys where !missing.contains(peer) {
                logger.info("reached again: \(peer)")
                told[peer] = nil
            }
            since = since.filter { missing.contains($0.key) }
            for peer in missing.sorted(by: { $0.description < $1.description }) {
                let begin = since[peer] ?? now
                since[peer] = begin
                guard begin.duration(to: now) >= .seconds(5) else { continue }
                if let last = told[peer], last.duration(to: now) < .seconds(60) { continue }
                told[peer] = now
                let reason = await PeerProblem.reason(peer.endpoint)
                // Asking takes its time; the peer may have come meanwhile.
                guard unreachable.contains(peer) else { continue }
                logger.warning("cannot reach \(peer): \(reason)")
            }
        }
    }

    /// Closes everything, last opened first.
    func close() async {
        for close in opened.withLock({ $0.closing }).reversed() { await close() }
    }
}
