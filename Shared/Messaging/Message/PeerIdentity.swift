/// The routing id under which a ROUTER knows a peer: 1 to 255 bytes, the first of which is not zero when a peer chose it.
///
/// A DEALER sends its own when it connects. It names a connection, it proves nothing: without CURVE any peer may claim any
/// identity.
public struct PeerIdentity: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The bytes on the wire.
    public let bytes: [UInt8]

    /// Makes an identity from bytes as received.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Makes an identity from text.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// Makes an identity from text.
    public init(stringLiteral value: String) { self.init(value) }

    /// A new identity that no other process has: the prefix, a dash and 64 random bits in hexadecimal.
    public static func generate(prefix: String) -> PeerIdentity {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return PeerIdentity(prefix + "-" + String(repeating: "0", count: 16 - digits.count) + digits)
    }

    /// Whether a DEALER may use these bytes as its own identity.
    public var isValid: Bool { (1...255).contains(bytes.count) && bytes.first != 0 }

    /// The text where it is printable ASCII, else hexadecimal.
    public var description: String {
        if !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7e).contains($0) }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        return "0x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
