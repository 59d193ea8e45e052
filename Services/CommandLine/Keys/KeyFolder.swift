import Foundation
import Messaging
import ServiceRuntime

/// A folder with the keys of a fleet: `allowed.json`, which is public, and `NAME.key` for every identity.
struct KeyFolder {
    let path: String

    var list: String { path + "/allowed.json" }
    func secret(_ identity: String) -> String { "\(path)/\(identity).key" }

    /// The identities that every fleet has: its services, the devices of this machine, the command line.
    static let usual: [(identity: String, plays: KeyRole)] =
        ServiceName.central.compactMap { service in KeyRole(rawValue: service.rawValue).map { (service.rawValue, $0) } }
        + [("devices", .worker), ("command-line", .client)]

    /// Makes a folder with keys for the usual identities.
    static func create(_ path: String) throws -> KeyFolder {
        let folder = KeyFolder(path: path)
        guard !FileManager.default.fileExists(atPath: folder.list) else {
            throw Failure(
                .usage, "\(folder.list) exists already; `e2llm keys rotate` makes new keys in place of old ones")
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var allowed = AllowedKeys(version: 0)
        for (identity, plays) in usual { try folder.make(identity, plays: [plays], in: &allowed) }
        try folder.write(&allowed)
        return folder
    }

    /// The folder as it is, or a new one.
    static func existing(_ path: String) throws -> KeyFolder {
        let folder = KeyFolder(path: path)
        return FileManager.default.fileExists(atPath: folder.list) ? folder : try create(path)
    }

    func read() throws -> AllowedKeys {
        guard FileManager.default.fileExists(atPath: list) else {
            throw Failure(.usage, "\(path) holds no keys; `e2llm keys create \(path)` makes them")
        }
        return try AllowedKeys.read(list)
    }

    func write(_ allowed: inout AllowedKeys) throws {
        allowed.version += 1
        try allowed.write(list)
    }

    /// Makes a key pair, keeps the secret half in the folder.
    func make(
        _ identity: String, plays: [KeyRole], devices: [String]? = nil, expires: Date? = nil,
        in allowed: inout AllowedKeys
    ) throws {
        let keys = try CurveKeyPair.generate()
        try SecretKeyFile(identity: identity, secret: keys.secretKey).write(secret(identity))
        allowed.keys.append(
            AllowedKey(
                identity: identity, publicKey: keys.publicKey, plays: plays, devices: devices, expires: expires))
    }

    /// Names are file names and appear in logs.
    static func check(_ identity: String) throws {
        guard (1...64).contains(identity.utf8.count), !identity.hasPrefix("."),
            identity.utf8.allSatisfy({
                $0 < 128
                    && (Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber
                        || "-_.".utf8.contains($0))
            })
        else { throw Failure(.usage, "\(identity) is no name for a key: letters, digits, -, _ and ., at most 64") }
    }
}

/// Times as people write them: 90s, 10m, 24h, 30d.
enum SpanText {
    static func seconds(_ text: String) throws -> Double {
        let factors: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last, let factor = factors[unit], let count = Double(text.dropLast()), count > 0,
            count * factor < 1e10
        else { throw Failure(.usage, "\(text) is no time such as 10m, 24h or 30d") }
        return count * factor
    }
}
