/// What a socket thread does until it is stopped and its sockets are closed. Lives on that thread only.
final class SocketLoop {
    private let context: ContextCore
    private let mailbox: Mailbox
    private let executor: SocketExecutor
    private var channels: [LoopChannel] = []
    private var waits: [WaitRequest] = []
    private var isStopping = false
    private var poller = Poller()

    /// How often what jobs cause is done before sockets have their turn.
    private static let mostRounds = 64

    init(context: ContextCore, mailbox: Mailbox, executor: SocketExecutor) {
        self.context = context
        self.mailbox = mailbox
        self.executor = executor
    }

    func run() {
        while !(isStopping && channels.isEmpty) {
            if mailbox.sleep() { wait() }
            obey()
            let now = ContinuousClock.now
            for channel in channels {
                channel.receive()
                channel.reportConnections()
                if channel.isBlocked || channel.wakeAt.map({ $0 <= now }) ?? false { channel.flush(at: now) }
            }
            endWaits(at: now)
            endFinished(at: now)
        }
        for wait in waits { wait.done(false) }
        waits = []
    }

    private func endWaits(at now: ContinuousClock.Instant) {
        guard waits.contains(where: { $0.instant <= now }) else { return }
        let due = waits.filter { $0.instant <= now }.sorted { $0.instant < $1.instant }
        waits.removeAll { $0.instant <= now }
        for wait in due { wait.done(true) }
    }

    /// Does what is asked, and what that asks in turn: jobs resume others and send messages.
    private func obey() {
        for _ in 0..<Self.mostRounds {
            let commands = mailbox.take()
            if commands.isEmpty { return }
            for command in commands { handle(command) }
        }
    }

    private func wait() {
        poller.removeAll()
        poller.add(descriptor: mailbox.readDescriptor)
        var deadline = waits.lazy.map(\.instant).min()
        for channel in channels {
            poller.add(channel.socket, reads: channel.wantsToRead, writes: channel.wantsToWrite)
            if let monitor = channel.monitor { poller.add(monitor.socket, reads: true, writes: false) }
            for instant in [channel.wakeAt, channel.closingDeadline].compactMap(\.self) {
                deadline = deadline.map { min($0, instant) } ?? instant
            }
        }
        poller.wait(until: deadline)
    }

    private func handle(_ command: Command) {
        switch command {
        case .open(let request): open(request)
        case .change(let id, let change, let done):
            guard let channel = channel(id) else { return command.refuse() }
            do throws(MessagingError) {
                try channel.socket.apply(change)
                done(.success(()))
            } catch {
                done(.failure(error))
            }
        case .flush(let id): channel(id)?.flush(at: .now)
        // Reading resumes by itself: what to poll is decided anew in every round.
        case .resumeReading: break
        case .setReading(let id, let isReading): channel(id)?.isReading = isReading
        case .close(let id, let done):
            guard let channel = channel(id) else { return command.refuse() }
            channel.beginClose(at: .now, done)
        case .run(let job): executor.run(job)
        case .wait(let request): waits.append(request)
        case .endWait(let id):
            guard let index = waits.firstIndex(where: { $0.id == id }) else { return }
            waits.remove(at: index).done(false)
        case .stop:
            isStopping = true
            for channel in channels { channel.beginClose(at: .now, nil) }
        }
    }

    private func channel(_ id: ChannelID) -> LoopChannel? { channels.first { $0.id == id } }

    private func open(_ request: OpenRequest) {
        guard !isStopping else { return Command.open(request).refuse() }
        do throws(MessagingError) {
            let channel = try LoopChannel(request, context: context)
            channels.append(channel)
            request.done(.success(channel.socket.lastEndpoint() ?? request.endpoint))
        } catch {
            request.done(.failure(error))
        }
    }

    private func endFinished(at now: ContinuousClock.Instant) {
        guard channels.contains(where: { $0.isFinished(at: now) }) else { return }
        var handlers: [@Sendable () -> Void] = []
        channels.removeAll { channel in
            guard channel.isFinished(at: now) else { return false }
            channel.end(at: now)
            handlers += channel.takeClosedHandlers()
            return true
        }
        // The sockets are released; libzmq frees a bound endpoint a moment later on its own thread.
        for handler in handlers { handler() }
    }
}
