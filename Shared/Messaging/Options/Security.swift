import CZeroMQ

/// Encryption of a socket.
public enum Security: Sendable {
    /// Plain text: loopback, ipc and inproc only.
    case none
    /// The side that owns the key which clients pin. Any client that knows the public key gets in, unless the context
    /// authenticates (`MessagingContext.authenticate`), which is asked about the domain.
    case curveServer(keys: CurveKeyPair, domain: String = "")
    /// The side that pins the server's public key.
    case curveClient(keys: CurveKeyPair, serverKey: String)

    var isServer: Bool { if case .curveServer = self { true } else { false } }
}

/// A CURVE key pair in Z85 (40 characters each).
public struct CurveKeyPair: Sendable, Hashable, CustomStringConvertible {
    /// The public half.
    public let publicKey: String
    /// The secret half; never printed.
    public let secretKey: String

    /// Derives the public half.
    ///
    /// - Throws: `badOption` where the text is not a Z85 key.
    public init(secretKey: String) throws(MessagingError) {
        guard secretKey.utf8.count == 40 else {
            throw MessagingError(.badOption, "a CURVE secret key has 40 characters, not \(secretKey.utf8.count)")
        }
        var publicKey = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_curve_public(&publicKey, secretKey) == 0 else {
            throw .last(.badOption, "the CURVE secret key is not Z85 text")
        }
        self.publicKey = String(keyCharacters: publicKey)
        self.secretKey = secretKey
    }

    private init(publicKey: String, secretKey: String) {
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// Makes a new key pair.
    public static func generate() throws(MessagingError) -> CurveKeyPair {
        var publicKey = [CChar](repeating: 0, count: 41)
        var secretKey = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_curve_keypair(&publicKey, &secretKey) == 0 else {
            throw .last(.transport, "cannot make a CURVE key pair")
        }
        return CurveKeyPair(
            publicKey: String(keyCharacters: publicKey), secretKey: String(keyCharacters: secretKey))
    }

    /// A key of 32 bytes in Z85; `nil` for other lengths.
    public static func text(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 32 else { return nil }
        var text = [CChar](repeating: 0, count: 41)
        guard unsafe zmq_z85_encode(&text, bytes, 32) != nil else { return nil }
        return String(keyCharacters: text)
    }

    /// The 32 bytes of a key in Z85; `nil` where the text is none.
    public static func bytes(_ text: String) -> [UInt8]? {
        guard text.utf8.count == 40 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 32)
        guard unsafe zmq_z85_decode(&bytes, text) != nil else { return nil }
        return bytes
    }

    /// The public half; the secret stays out of logs.
    public var description: String { "CURVE \(publicKey)" }
}

extension String {
    fileprivate init(keyCharacters: [CChar]) {
        self.init(decoding: keyCharacters.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
