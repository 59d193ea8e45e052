import CZeroMQ

/// Memory of a frame that is not an array.
protocol FrameBuffer: AnyObject, Sendable {
    var count: Int { get }
    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result
}

/// Memory that libzmq received into.
///
/// `@unchecked Sendable`: the message is not changed after `init`, only read, and closed in `deinit`, after every reader;
/// libzmq counts its own references atomically.
@safe final class ReceivedBuffer: FrameBuffer, @unchecked Sendable {
    private let message: UnsafeMutablePointer<zmq_msg_t>
    private let bytes: UnsafeRawBufferPointer

    var count: Int { unsafe bytes.count }

    init(moving source: UnsafeMutablePointer<zmq_msg_t>) {
        unsafe message = .allocate(capacity: 1)
        unsafe zmq_msg_init(message)
        unsafe zmq_msg_move(message, source)
        unsafe bytes = unsafe UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
    }

    deinit {
        unsafe zmq_msg_close(message)
        unsafe message.deallocate()
    }

    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return unsafe try body(bytes)
    }
}

/// Memory made for sending.
///
/// `@unchecked Sendable`: the bytes are written in `init` only and freed in `deinit`, after every reader.
@safe final class RetainedBuffer: FrameBuffer, @unchecked Sendable {
    private static let alignment = 64

    private let memory: UnsafeMutableRawBufferPointer
    private let onRelease: (@Sendable () -> Void)?

    var count: Int { unsafe memory.count }

    init(
        byteCount: Int, onRelease: (@Sendable () -> Void)?, fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: Self.alignment)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe self.memory = unsafe memory
        self.onRelease = onRelease
        unsafe try fill(memory)
    }

    deinit {
        unsafe memory.deallocate()
        onRelease?()
    }

    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return unsafe try body(UnsafeRawBufferPointer(memory))
    }
}
