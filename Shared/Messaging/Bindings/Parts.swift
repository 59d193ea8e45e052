import CZeroMQ

/// One frame on its way into libzmq. `zmq_msg_t` may hold its bytes inside of itself, so it lives on the heap and never moves.
@safe struct OutgoingPart: ~Copyable {
    private let message: UnsafeMutablePointer<zmq_msg_t>
    let isValid: Bool

    /// Copies small frames; hands over the memory of large ones, retained until libzmq has sent it.
    init(_ frame: Frame) {
        switch frame.storage {
        case .array(let bytes): self.init(copying: bytes)
        case .received(let buffer): self.init(buffer)
        case .retained(let buffer): self.init(buffer)
        }
    }

    init(copying bytes: [UInt8]) {
        let message = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        unsafe self.message = unsafe message
        isValid = unsafe bytes.withUnsafeBytes { unsafe Self.copy($0, to: message) }
    }

    private init(_ buffer: some FrameBuffer) {
        let message = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
        unsafe self.message = unsafe message
        isValid = unsafe buffer.withUnsafeBytes { bytes in
            guard bytes.count >= Frame.zeroCopyThreshold, let base = bytes.baseAddress else {
                return unsafe Self.copy(bytes, to: message)
            }
            let owner = unsafe Unmanaged<AnyObject>.passRetained(buffer)
            let result = unsafe zmq_msg_init_data(
                message, UnsafeMutableRawPointer(mutating: base), bytes.count,
                { _, owner in
                    if let owner = unsafe owner { unsafe Unmanaged<AnyObject>.fromOpaque(owner).release() }
                }, unsafe owner.toOpaque())
            if result != 0 { unsafe owner.release() }
            return result == 0
        }
    }

    deinit {
        // Closing an empty message, as sending leaves it, does nothing.
        if isValid { unsafe zmq_msg_close(message) }
        unsafe message.deallocate()
    }

    borrowing func send(to socket: UnsafeMutableRawPointer, flags: Int32) -> Bool {
        unsafe zmq_msg_send(message, socket, flags) >= 0
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer, to message: UnsafeMutablePointer<zmq_msg_t>) -> Bool {
        guard unsafe zmq_msg_init_size(message, bytes.count) == 0 else { return false }
        if let base = bytes.baseAddress { unsafe zmq_msg_data(message)?.copyMemory(from: base, byteCount: bytes.count) }
        return true
    }
}

/// One frame that libzmq received.
@safe struct IncomingPart: ~Copyable {
    /// Up to this size a frame is copied: libzmq keeps small frames in a shared buffer of 8 KB, which one of them would hold.
    static let copyLimit = 8192

    private let message: UnsafeMutablePointer<zmq_msg_t>

    init() {
        unsafe message = .allocate(capacity: 1)
        unsafe zmq_msg_init(message)
    }

    deinit {
        unsafe zmq_msg_close(message)
        unsafe message.deallocate()
    }

    borrowing func receive(from socket: UnsafeMutableRawPointer) -> Bool {
        unsafe zmq_msg_recv(message, socket, ZMQ_DONTWAIT) >= 0
    }

    var hasMore: Bool { unsafe zmq_msg_more(message) != 0 }

    /// Who the connection was authenticated as.
    var user: String? {
        guard let text = unsafe zmq_msg_gets(message, "User-Id") else { return nil }
        return unsafe String(cString: text)
    }

    /// The bytes; a large frame keeps libzmq's memory.
    borrowing func frame() -> Frame {
        let count = unsafe zmq_msg_size(message)
        guard count > Self.copyLimit else {
            guard let data = unsafe zmq_msg_data(message) else { return Frame([UInt8]()) }
            return unsafe Frame([UInt8](UnsafeRawBufferPointer(start: data, count: count)))
        }
        return unsafe Frame(storage: .received(ReceivedBuffer(moving: message)))
    }
}
