public import Foundation
import Messaging

/// Everything that a device on another machine needs to join a fleet, as one text: where the control plane is, its public keys, and a
/// key of its own. Whoever has it can join.
public struct JoinToken: Codable, Sendable {
    private static let prefix = "e2llm1."
    /// Longest text that is read.
    private static let mostBytes = 16 << 10

    /// Who the key is for.
    public var identity: String
    /// The secret half of the device's own key in Z85.
    public var secret: String
    /// When it ends.
    public var expires: Date?
    /// Where to connect to, by setting.
    public var endpoints: [String: String]
    /// Public keys of the services that connect or are connected to.
    public var keys: [AllowedKey]

    /// Makes a token.
    public init(identity: String, secret: String, expires: Date?, endpoints: [String: String], keys: [AllowedKey]) {
        self.identity = identity
        self.secret = secret
        self.expires = expires
        self.endpoints = endpoints
        self.keys = keys
    }

    /// The text that is handed on.
    public func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = .sortedKeys
        let base = try encoder.encode(self).base64EncodedString()
        return Self.prefix + base.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Reads a token, or the file that holds one.
    ///
    /// - Throws: `RuntimeError` that says what is wrong and never repeats the text.
    public static func read(_ given: String) throws(RuntimeError) -> JoinToken {
        var text = given.trimmingCharacters(in: .whitespacesAndNewlines)
        if !text.hasPrefix(prefix), let file = try? String(contentsOfFile: given, encoding: .utf8) {
            text = file.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard text.hasPrefix(prefix) else {
            throw RuntimeError(.badSetting, "this is neither a token nor a file with one; `e2llm invite` prints tokens")
        }
        guard text.utf8.count <= mostBytes else { throw RuntimeError(.badSetting, "the token is too long") }
        var base = text.dropFirst(prefix.count).replacing("-", with: "+").replacing("_", with: "/")
        while base.count % 4 != 0 { base += "=" }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        guard let data = Data(base64Encoded: String(base)), let token = try? decoder.decode(JoinToken.self, from: data),
            (try? CurveKeyPair(secretKey: token.secret)) != nil
        else { throw RuntimeError(.badSetting, "the token is damaged: copy all of it") }
        if let expires = token.expires, expires <= Date() {
            throw RuntimeError(.badSetting, "the token has expired; ask for a new one (`e2llm invite`)")
        }
        return token
    }
}
