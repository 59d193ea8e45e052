import CZeroMQ
import Glibc
import Synchronization

/// The context of libzmq.
///
/// `@unchecked Sendable`: libzmq's context functions may be called from any thread; the pointer is constant and is not used
/// after `zmq_ctx_term`, which happens once, when all socket threads have ended.
@safe final class ContextCore: @unchecked Sendable {
    private struct State {
        var threads: [ObjectIdentifier: ThreadCore] = [:]
        var isStopped = false
        var isTerminating = false
    }

    private let raw: UnsafeMutableRawPointer
    private let state = Mutex(State())
    private let terminated = Completion()

    init(ioThreads: Int, maximumSockets: Int) throws(MessagingError) {
        guard let raw = unsafe zmq_ctx_new() else {
            throw .last(.exhausted, "cannot make a ZeroMQ context")
        }
        unsafe self.raw = unsafe raw
        guard (1...64).contains(ioThreads), unsafe zmq_ctx_set(raw, ZMQ_IO_THREADS, Int32(ioThreads)) == 0 else {
            unsafe zmq_ctx_term(raw)
            throw MessagingError(.badOption, "a context has 1 to 64 I/O threads, not \(ioThreads)")
        }
        guard (1...65535).contains(maximumSockets), unsafe zmq_ctx_set(raw, ZMQ_MAX_SOCKETS, Int32(maximumSockets)) == 0
        else {
            unsafe zmq_ctx_term(raw)
            throw MessagingError(.badOption, "a context has 1 to 65535 sockets, not \(maximumSockets)")
        }
    }

    deinit {
        if !state.withLock({ $0.isTerminating }) { unsafe Self.terminate(raw) }
    }

    /// Makes a socket, on the thread that is to own it.
    func makeSocket(_ type: Int32) throws(MessagingError) -> Socket {
        guard let socket = unsafe zmq_socket(raw, type) else {
            throw .last(.exhausted, "cannot make a ZeroMQ socket")
        }
        return unsafe Socket(taking: socket)
    }

    // MARK: Threads

    func add(_ thread: ThreadCore) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.threads[ObjectIdentifier(thread)] = thread
            return true
        }
    }

    func remove(_ thread: ThreadCore) {
        state.withLock { state in _ = state.threads.removeValue(forKey: ObjectIdentifier(thread)) }
    }

    /// Asks every thread to end; no more can be started.
    @discardableResult
    func stopThreads() -> [ThreadCore] {
        let threads = state.withLock { state in
            state.isStopped = true
            return Array(state.threads.values)
        }
        for thread in threads { thread.mailbox.post(.stop) }
        return threads
    }

    // MARK: End

    /// Waits until everything that lingers has left or its time is over, on a thread of its own.
    func terminate() async {
        let isFirst = state.withLock { state in
            defer { state.isTerminating = true }
            return !state.isTerminating
        }
        if isFirst {
            do {
                let thread = try OperatingSystemThread.start(name: "zmq-end") { [self] in
                    unsafe Self.terminate(raw)
                    terminated.complete()
                }
                await terminated.wait()
                thread.join()
            } catch {
                // No thread could be started: blocking for the linger time is the lesser evil.
                unsafe Self.terminate(raw)
                terminated.complete()
            }
        }
        await terminated.wait()
    }

    private static func terminate(_ raw: UnsafeMutableRawPointer) {
        while unsafe zmq_ctx_term(raw) != 0, zmq_errno() == EINTR {}
    }
}
