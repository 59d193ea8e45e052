/// One frame of a message: immutable bytes, cheap to copy and to hand between threads.
///
/// The bytes are an array, or the memory in which libzmq received them (not copied, freed with the last copy of the frame),
/// or a buffer made for sending, which libzmq reads in place.
/// Received bytes are not aligned: `elements(as:)` and `loadUnaligned` work on any address.
public struct Frame: Sendable {
    enum Storage: Sendable {
        case array([UInt8])
        case received(ReceivedBuffer)
        case retained(RetainedBuffer)
    }

    /// From this many bytes on, a retained buffer is sent in place; below it, copying is faster (measured).
    public static let zeroCopyThreshold = 64 * 1024

    let storage: Storage

    init(storage: Storage) { self.storage = storage }

    /// A frame of these bytes; they are copied once when sent.
    public init(_ bytes: [UInt8]) { storage = .array(bytes) }

    /// A frame of the UTF-8 bytes of a text.
    public init(_ text: String) { storage = .array(Array(text.utf8)) }

    /// A frame whose bytes are written in place by `fill` and sent without a copy from `zeroCopyThreshold` bytes on.
    ///
    /// - Parameters:
    ///   - byteCount: size of the frame; the memory is zeroed first and aligned to 64 bytes.
    ///   - onRelease: called once, on any thread, when no copy of the frame and no socket needs the memory any more.
    ///   - fill: writes the bytes.
    public init(
        byteCount: Int, onRelease: (@Sendable () -> Void)? = nil,
        fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        storage = unsafe .retained(try RetainedBuffer(byteCount: byteCount, onRelease: onRelease, fill: fill))
    }

    /// A frame of the little-endian bytes of an array of numbers, sent without another copy when large.
    public init<Element: BitwiseCopyable>(elements: [Element]) {
        let byteCount = elements.count * MemoryLayout<Element>.stride
        unsafe self.init(byteCount: byteCount) { target in
            unsafe elements.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
        }
    }

    /// Bytes of the frame.
    public var count: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .received(let buffer): buffer.count
        case .retained(let buffer): buffer.count
        }
    }

    /// Whether the frame is empty.
    public var isEmpty: Bool { count == 0 }

    /// Calls `body` with the bytes, which are valid only inside of it.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .array(let bytes):
            // The standard library's closure is untyped: the failure is carried out in a value.
            let result: Swift.Result<Result, Failure> = unsafe bytes.withUnsafeBytes { pointer in
                do throws(Failure) { return unsafe .success(try body(pointer)) } catch { return .failure(error) }
            }
            return try result.get()
        case .received(let buffer): return unsafe try buffer.withUnsafeBytes(body)
        case .retained(let buffer): return unsafe try buffer.withUnsafeBytes(body)
        }
    }

    /// The bytes as an array; a copy unless the frame is one already.
    public var bytes: [UInt8] {
        if case .array(let bytes) = storage { return bytes }
        return unsafe withUnsafeBytes { unsafe Array($0) }
    }

    /// The bytes as little-endian numbers (a copy), or `nil` where their count is no multiple of the element's size.
    public func elements<Element: BitwiseCopyable>(as type: Element.Type = Element.self) -> [Element]? {
        let stride = MemoryLayout<Element>.stride
        guard stride > 0, count % stride == 0 else { return nil }
        let elementCount = count / stride
        return unsafe withUnsafeBytes { source in
            unsafe [Element](unsafeUninitializedCapacity: elementCount) { target, initialized in
                unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
                initialized = elementCount
            }
        }
    }
}
