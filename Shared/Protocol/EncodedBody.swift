/// A body that was encoded before: what is sent again and again as it was need not be encoded again and again.
public struct EncodedBody: Encodable, Sendable {
    let bytes: [UInt8]
    private let body: any Encodable & Sendable

    /// Encodes a body.
    ///
    /// - Throws: `ProtocolError` where it cannot be encoded.
    public init(_ body: some Encodable & Sendable) throws(ProtocolError) {
        bytes = try Codec.encodeBody(body)
        self.body = body
    }

    /// Encodes the body itself.
    public func encode(to encoder: any Encoder) throws { try body.encode(to: encoder) }
}
