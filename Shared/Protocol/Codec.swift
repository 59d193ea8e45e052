import Domain
import Foundation

/// Turns envelopes and bodies into the bytes of frames 0 to 2 and back. Tensor frames are never copied here: callers
/// append them to what `encode` returns and check them with `DecodedHeader.checkTensors`.
public enum Codec {
    /// Frames 0, 1 and 2 of a message.
    public static func encode(_ envelope: Envelope, body: some Encodable) throws(ProtocolError) -> [[UInt8]] {
        do {
            return [Array(ProtocolVersion.identifier.utf8), envelope.directBytes, try json(body)]
        } catch {
            throw ProtocolError(.malformed, "\(envelope.type): cannot be encoded: \(error)")
        }
    }

    /// The bytes of a body.
    static func encodeBody(_ body: some Encodable) throws(ProtocolError) -> [UInt8] {
        do { return try json(body) } catch { throw ProtocolError(.malformed, "cannot be encoded: \(error)") }
    }

    private static func json(_ body: some Encodable) throws -> [UInt8] {
        if let encoded = body as? EncodedBody { return encoded.bytes }
        if let direct = body as? any DirectlyCoded { return direct.directBytes }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(body))
    }

    /// Reads frames 0, 1 and 2; `tensorByteCounts` are the sizes of the frames after them.
    public static func decode(
        version: [UInt8], envelope: [UInt8], body: [UInt8], tensorByteCounts: [Int] = []
    ) throws(ProtocolError) -> DecodedHeader {
        try checkVersion(version)
        guard envelope.count <= WireLimits.maximumEnvelopeBytes else {
            throw ProtocolError(.tooLarge, "the envelope has \(envelope.count) bytes")
        }
        guard body.count <= WireLimits.maximumBodyBytes else {
            throw ProtocolError(.tooLarge, "the body has \(body.count) bytes")
        }
        let decoded: Envelope = try json(envelope, what: "envelope")
        for name in [decoded.type.rawValue, decoded.id, decoded.session, decoded.request?.rawValue ?? ""]
        where name.utf8.count > WireLimits.maximumNameBytes {
            throw ProtocolError(.tooLarge, "a name in the envelope has \(name.utf8.count) bytes")
        }
        let header = DecodedHeader(envelope: decoded, body: body, tensors: try tensors(decoded.type, body))
        try header.check(tensorByteCounts)
        return header
    }

    /// The tensors that a body lists. Bodies that come with every token need not be read in full for that.
    private static func tensors(_ type: MessageType, _ body: [UInt8]) throws(ProtocolError) -> [TensorDescriptor] {
        switch type {
        case .stageForward: if let forward = StageForward.direct(body) { return forward.tensors }
        case .stageDone: if StageDone.direct(body) != nil { return [] }
        case .tokensEmitted: if let emitted = TokensEmitted.direct(body) { return emitted.tensors ?? [] }
        // These have none, come all the time, and are read by whoever handles them.
        case .deviceHeartbeat, .workerHeartbeat, .gatewayHeartbeat, .fleetSnapshot, .schedulerState: return []
        default: break
        }
        let list: TensorList = try json(body, what: "\(type): body")
        return list.tensors ?? []
    }

    /// Decodes JSON and names the path of what is wrong.
    static func json<Value: Decodable>(_ bytes: [UInt8], what: String) throws(ProtocolError) -> Value {
        if let type = Value.self as? any DirectlyCoded.Type, let value = type.direct(bytes) as? Value { return value }
        guard JSONDepth.isAcceptable(bytes) else {
            throw ProtocolError(.malformed, "\(what): is nested more than \(JSONDepth.maximum) levels deep")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw ProtocolError(.malformed, "\(what): \(DecodingText.text(error))")
        } catch {
            throw ProtocolError(.malformed, "\(what): is not JSON")
        }
    }

    /// The id of a message that could not be read as a whole, so that the answer can name it; `nil` where there is none.
    public static func messageID(envelope bytes: [UInt8]) -> String? {
        struct Named: Decodable { var id: String }
        guard bytes.count <= WireLimits.maximumEnvelopeBytes,
            let named: Named = try? json(bytes, what: "envelope"), (1...256).contains(named.id.utf8.count)
        else { return nil }
        return named.id
    }

    private static func checkVersion(_ bytes: [UInt8]) throws(ProtocolError) {
        guard bytes.count <= 32, let text = String(validating: bytes, as: UTF8.self), text.hasPrefix("E2LLM/") else {
            throw ProtocolError(.malformed, "frame 0 is not \(ProtocolVersion.identifier)")
        }
        guard text == ProtocolVersion.identifier else {
            throw ProtocolError(
                .unsupportedVersion,
                "the peer speaks \(text), this process \(ProtocolVersion.identifier): "
                    + (Int(text.dropFirst(6)).map { $0 > ProtocolVersion.major } == true
                        ? "upgrade this process" : "upgrade the peer"))
        }
    }
}

/// A message whose envelope and tensor list have been checked; its body is decoded by the handler that knows its type.
public struct DecodedHeader: Sendable {
    /// The envelope.
    public let envelope: Envelope
    /// The JSON of the body.
    public let body: [UInt8]
    /// The tensors that the body lists.
    public let tensors: [TensorDescriptor]

    /// Decodes the body.
    public func body<Body: Decodable>(as type: Body.Type = Body.self) throws(ProtocolError) -> Body {
        try Codec.json(body, what: "\(envelope.type): body")
    }

    func check(_ byteCounts: [Int]) throws(ProtocolError) {
        guard tensors.count <= WireLimits.maximumTensors, tensors.count == byteCounts.count else {
            throw ProtocolError(
                .badTensor,
                "\(envelope.type): the body lists \(tensors.count) tensors, \(byteCounts.count) frames came")
        }
        for (tensor, count) in zip(tensors, byteCounts) {
            guard let expected = tensor.byteCount else {
                throw ProtocolError(.badTensor, "\(envelope.type): tensor \(tensor.name) has the shape \(tensor.shape)")
            }
            guard expected == count else {
                throw ProtocolError(
                    .badTensor, "\(envelope.type): tensor \(tensor.name) has \(count) bytes instead of \(expected)")
            }
        }
    }
}

/// The depth of JSON text, checked before it is parsed so that hostile nesting cannot exhaust the stack.
enum JSONDepth {
    static let maximum = 64

    static func isAcceptable(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        var inString = false
        var escaped = false
        for byte in bytes {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth > maximum { return false }
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return true
    }
}
