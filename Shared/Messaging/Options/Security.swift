import CZeroMQ

/// Encryption of a socket.
public enum Security: Sendable {
    /// Plain text: loopback, ipc and inproc only.
    case none
    /// The side that owns the key which clients pin. Until an allow-list is installed any client that knows the public key
    /// gets in.
    case curveServer(keys: CurveKeyPair)
    /// The side that pins the server's public key.
    case curveClient(keys: CurveKeyPair, serverKey: String)
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
        guard zmq_curve_public(&publicKey, secretKey) == 0 else {
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
        guard zmq_curve_keypair(&publicKey, &secretKey) == 0 else {
            throw .last(.transport, "cannot make a CURVE key pair")
        }
        return CurveKeyPair(
            publicKey: String(keyCharacters: publicKey), secretKey: String(keyCharacters: secretKey))
    }

    /// The public half; the secret stays out of logs.
    public var description: String { "CURVE \(publicKey)" }
}

extension String {
    fileprivate init(keyCharacters: [CChar]) {
        self.init(decoding: keyCharacters.prefix(40).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
