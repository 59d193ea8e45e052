public import Foundation
public import Messaging

/// A public key that is let in, and as what.
public struct AllowedKey: Codable, Sendable, Hashable {
    /// Who has the secret half, a name for people.
    public var identity: String
    /// The public half in Z85.
    public var publicKey: String
    /// What it may be used for.
    public var plays: [KeyRole]
    /// Devices that it may speak for, `*` standing for any text; all where absent. For workers.
    public var devices: [String]?
    /// When it ends; never where absent.
    public var expires: Date?
    /// Whether it was taken back.
    public var revoked: Bool?

    /// Makes an entry.
    public init(
        identity: String, publicKey: String, plays: [KeyRole], devices: [String]? = nil, expires: Date? = nil,
        revoked: Bool? = nil
    ) {
        self.identity = identity
        self.publicKey = publicKey
        self.plays = plays
        self.devices = devices
        self.expires = expires
        self.revoked = revoked
    }

    /// Whether it is let in at a time.
    public func isUsable(at date: Date) -> Bool { revoked != true && expires.map { date < $0 } != false }

    /// Whether it may speak for a device.
    public func covers(device: String) -> Bool {
        devices.map { $0.contains { Self.matches(device, $0) } } ?? true
    }

    /// Whether a text is a pattern, in which `*` stands for any text.
    static func matches(_ text: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return text == pattern }
        guard text.count >= first.count + last.count, text.hasPrefix(first), text.hasSuffix(last) else { return false }
        var rest = text.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }

    private enum CodingKeys: String, CodingKey {
        case identity, plays, devices, expires, revoked
        case publicKey = "public"
    }

    /// Reads an entry; times are in the form of ISO 8601.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        identity = try container.decode(String.self, forKey: .identity)
        publicKey = try container.decode(String.self, forKey: .publicKey)
        plays = try container.decode([KeyRole].self, forKey: .plays)
        devices = try container.decodeIfPresent([String].self, forKey: .devices)
        revoked = try container.decodeIfPresent(Bool.self, forKey: .revoked)
        guard let text = try container.decodeIfPresent(String.self, forKey: .expires) else { return }
        guard let date = try? Date(text, strategy: .iso8601) else {
            throw DecodingError.dataCorruptedError(
                forKey: .expires, in: container, debugDescription: "\(text) is no time such as 2027-01-31T12:00:00Z")
        }
        expires = date
    }

    /// Writes an entry.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(identity, forKey: .identity)
        try container.encode(publicKey, forKey: .publicKey)
        try container.encode(plays, forKey: .plays)
        try container.encodeIfPresent(devices, forKey: .devices)
        try container.encodeIfPresent(expires?.ISO8601Format(), forKey: .expires)
        try container.encodeIfPresent(revoked, forKey: .revoked)
    }
}

/// The keys of a fleet, without their secret halves: one JSON file that all services of the control plane read.
public struct AllowedKeys: Codable, Sendable, Hashable {
    /// Grows with every change.
    public var version: Int
    /// All keys, those that were taken back included.
    public var keys: [AllowedKey]

    /// Makes a list.
    public init(version: Int = 1, keys: [AllowedKey] = []) {
        self.version = version
        self.keys = keys
    }

    /// The newest usable key of a role, which clients of such a service pin.
    func server(_ role: KeyRole, at date: Date) -> AllowedKey? {
        keys.last { $0.plays.contains(role) && $0.isUsable(at: date) }
    }

    /// Reads a file.
    ///
    /// - Throws: `RuntimeError` naming the file and what is wrong.
    public static func read(_ path: String) throws(RuntimeError) -> AllowedKeys {
        let allowed: AllowedKeys
        do {
            allowed = try JSONDecoder().decode(AllowedKeys.self, from: KeyText.read(path))
        } catch let error as RuntimeError {
            throw error
        } catch {
            throw RuntimeError(.badSetting, "\(path): is no list of keys: \(error)")
        }
        for key in allowed.keys where CurveKeyPair.bytes(key.publicKey) == nil {
            throw RuntimeError(.badSetting, "\(path): the public key of \(key.identity) is no CURVE key in Z85")
        }
        return allowed
    }

    /// Writes the file. It stays the same file, since containers have it mounted; who reads it in this moment reads it again.
    public func write(_ path: String) throws(RuntimeError) {
        do {
            try KeyText.write(self).write(to: URL(fileURLWithPath: path))
        } catch {
            throw RuntimeError(.file, "\(path): cannot be written: \(error.localizedDescription)")
        }
    }
}

/// Files with keys: JSON, since keys in Z85 contain every character that means something in YAML.
private enum KeyText {
    /// Most bytes of a file.
    static let mostBytes = 4 << 20

    static func read(_ path: String) throws(RuntimeError) -> Data {
        do {
            let data =
                try FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: mostBytes + 1) ?? Data()
            if data.count <= mostBytes { return data }
        } catch {
            throw RuntimeError(.badSetting, "\(path): cannot be read: \(error.localizedDescription)")
        }
        throw RuntimeError(.badSetting, "\(path): is larger than \(mostBytes) bytes")
    }

    static func write(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + Data("\n".utf8)
    }
}

/// A key pair as a file that only its owner may read.
public struct SecretKeyFile: Codable, Sendable {
    /// Whose it is.
    public var identity: String
    /// The secret half in Z85.
    public var secret: String

    /// Makes the content of a file.
    public init(identity: String, secret: String) {
        self.identity = identity
        self.secret = secret
    }

    /// Reads a file; one that others may read is refused, unless it is a mounted secret, whose owner is not this process.
    ///
    /// - Throws: `RuntimeError` naming the file, never its content.
    public static func read(_ path: String) throws(RuntimeError) -> (identity: String, keys: CurveKeyPair) {
        let data = try KeyText.read(path)
        var status = stat()
        if stat(path, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 != 0 {
            throw RuntimeError(.badSetting, "\(path): others may read this secret key; chmod 600 it")
        }
        guard let file = try? JSONDecoder().decode(SecretKeyFile.self, from: data),
            let keys = try? CurveKeyPair(secretKey: file.secret)
        else { throw RuntimeError(.badSetting, "\(path): is no secret key; `e2llm keys` makes them") }
        return (file.identity, keys)
    }

    /// Writes a file that only its owner may read.
    public func write(_ path: String) throws(RuntimeError) {
        do {
            let data = try KeyText.write(self)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            guard descriptor >= 0 else { throw CocoaError(.fileWriteNoPermission) }
            fchmod(descriptor, 0o600)
            try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).write(contentsOf: data)
        } catch {
            throw RuntimeError(.file, "\(path): cannot be written: \(error.localizedDescription)")
        }
    }
}
