import CZeroMQ
import Glibc
import Synchronization

/// Names a socket on its thread.
struct ChannelID: Hashable, Sendable {
    private static let counter = Atomic<UInt64>(0)
    let value: UInt64

    static func next() -> ChannelID {
        ChannelID(value: counter.add(1, ordering: .relaxed).newValue)
    }
}

/// What a socket is, with what has to be set before it binds or connects.
enum SocketRole: Sendable {
    case router
    case dealer(PeerIdentity)
    case publisher
    case subscriber([String])

    var binds: Bool {
        switch self {
        case .router, .publisher: true
        case .dealer, .subscriber: false
        }
    }
}

/// Asks a socket thread to open a socket; answers with the endpoint.
struct OpenRequest: Sendable {
    let id: ChannelID
    let role: SocketRole
    let endpoint: String
    let state: ChannelState
    let done: @Sendable (Result<String, MessagingError>) -> Void
}

/// A change of an open socket.
enum SocketChange: Sendable {
    case connect(String)
    case subscribe(String)
    case unsubscribe(String)
}

/// What other threads ask of a socket thread.
enum Command: Sendable {
    case open(OpenRequest)
    case change(ChannelID, SocketChange, @Sendable (Result<Void, MessagingError>) -> Void)
    case flush(ChannelID)
    case resumeReading(ChannelID)
    case setReading(ChannelID, Bool)
    case close(ChannelID, (@Sendable () -> Void)?)
    case run(UnownedJob)
    case wait(WaitRequest)
    case endWait(UInt64)
    case stop

    /// Answers a command that came too late.
    func refuse() {
        let error = MessagingError(.closed, "the socket thread has ended")
        switch self {
        case .open(let request): request.done(.failure(error))
        case .change(_, _, let done): done(.failure(error))
        case .close(_, let done): done?()
        // A task must go on, or who waits for it would wait for ever.
        case .run(let job): globalConcurrentExecutor.enqueue(ExecutorJob(job))
        case .wait(let request): request.done(false)
        case .flush, .resumeReading, .setReading, .endWait, .stop: break
        }
    }
}

/// Commands for a socket thread, with a pipe that wakes it from polling.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        /// A byte is in the pipe.
        var isSignalled = false
        /// The thread does not poll and looks here again before it does.
        var isAwake = false
        var isClosed = false
    }

    /// The end that the socket thread polls.
    let readDescriptor: Int32
    private let writeDescriptor: Int32
    private let state = Mutex(State())

    init() throws(MessagingError) {
        var descriptors: [Int32] = [-1, -1]
        guard unsafe pipe2(&descriptors, O_NONBLOCK | O_CLOEXEC) == 0 else {
            throw unsafe MessagingError(
                .exhausted, "cannot make the pipe of a socket thread", underlying: String(cString: strerror(errno)))
        }
        readDescriptor = descriptors[0]
        writeDescriptor = descriptors[1]
    }

    deinit { closeDescriptors() }

    func post(_ command: Command) {
        let isAccepted = state.withLock { state in
            guard !state.isClosed else { return false }
            state.commands.append(command)
            if !state.isSignalled, !state.isAwake {
                state.isSignalled = true
                var byte: UInt8 = 1
                // Cannot block or fill up: at most one byte is in the pipe.
                _ = unsafe write(writeDescriptor, &byte, 1)
            }
            return true
        }
        if !isAccepted { command.refuse() }
    }

    /// Takes the commands and makes the pipe silent. Until `sleep` says that nothing has come, nobody needs to wake the thread.
    func take() -> [Command] {
        state.withLock { state in
            state.isAwake = true
            if state.isSignalled {
                var byte: UInt8 = 0
                _ = unsafe read(readDescriptor, &byte, 1)
                state.isSignalled = false
            }
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// Whether there is nothing to do, so that the thread may poll; from then on it is woken.
    func sleep() -> Bool {
        state.withLock { state in
            state.isAwake = !state.commands.isEmpty
            return !state.isAwake
        }
    }

    /// Refuses what came too late and everything after it.
    func close() {
        closeDescriptors()
        for command in take() { command.refuse() }
    }

    private func closeDescriptors() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            state.isSignalled = false
            Glibc.close(readDescriptor)
            Glibc.close(writeDescriptor)
        }
    }
}
