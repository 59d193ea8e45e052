import Synchronization

/// The identity of this process on the wire and the numbers of its messages.
public final class Session: Sendable {
    /// Unguessable; a restart makes a new one.
    public let id: String
    private let counter = Atomic<UInt64>(0)

    /// Starts a session.
    public init() {
        id = Session.randomName(bytes: 16)
    }

    /// A new message id, unique within the session.
    public func nextID() -> String {
        String(counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Lower-case hexadecimal text of `bytes` random bytes from the operating system.
    public static func randomName(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = UInt8.random(in: 0...255, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
