import Foundation
import Messaging

/// An endpoint as it is announced: with the public key of who binds it, where there is one.
///
/// `tcp://10.0.0.7:5600?key=` and the 32 bytes of the key in hexadecimal.
public struct KeyedEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// What libzmq connects to.
    public var address: String
    /// The public key of the other side in Z85.
    public var serverKey: String?

    /// Makes an endpoint.
    public init(address: String, serverKey: String? = nil) {
        self.address = address
        self.serverKey = serverKey
    }

    /// Reads an announced endpoint; a key that is none is left in the address, which no socket takes.
    public init(_ text: String) {
        guard let mark = text.range(of: "?key="), let key = Self.key(hexadecimal: text[mark.upperBound...]) else {
            self.init(address: text)
            return
        }
        self.init(address: String(text[..<mark.lowerBound]), serverKey: key)
    }

    /// As it is announced.
    public var description: String {
        guard let serverKey, let bytes = CurveKeyPair.bytes(serverKey) else { return address }
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "\(address)?key=\(digits.joined())"
    }

    private static func key(hexadecimal text: Substring) -> String? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return CurveKeyPair.text(bytes)
    }
}
