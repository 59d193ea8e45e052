public import Domain
import Foundation
public import Messaging
internal import Protocol
import Synchronization

/// The keys that a process knows: its own, and those of everybody else, which change while it runs.
public final class Keyring: Sendable {
    /// Where the others' keys come from.
    private enum Source: Sendable {
        /// A file that is read again when it has changed.
        case file(String)
        /// The profiler, which is asked; these are known from the start.
        case profiler(AllowedKeys)
    }

    private struct State {
        var allowed: AllowedKeys
        var byKey: [String: AllowedKey] = [:]
        var modified: Date?
        /// The change that could not be read.
        var faulty: Date?
        /// When an unknown key was last seen, so that the list is looked at again.
        var unknown = 0
        var refused = 0

        init(_ allowed: AllowedKeys) {
            self.allowed = allowed
            index()
        }

        mutating func index() {
            byKey = Dictionary(allowed.keys.map { ($0.publicKey, $0) }) { _, last in last }
        }
    }

    /// Whose keys these are.
    public let identity: String
    /// This process's own key.
    public let own: CurveKeyPair
    private let source: Source
    private let state: Mutex<State>

    private init(identity: String, own: CurveKeyPair, source: Source, allowed: AllowedKeys) {
        self.identity = identity
        self.own = own
        self.source = source
        state = Mutex(State(allowed))
    }

    /// The settings that every process has.
    public static let settings = [
        SettingKey("security.allowed", "", "the fleet's list of public keys (allowed.json of `e2llm keys create`)"),
        SettingKey("security.secret", "", "this process's own secret key (NAME.key of `e2llm keys create`)"),
        SettingKey("security.token", "", "in place of both: a token of `e2llm invite`, or a file that holds one"),
    ]

    /// The keys that the settings name; `nil` where they name none.
    ///
    /// - Throws: `RuntimeError` naming the setting or the file that is wrong.
    public static func make(_ settings: Settings) throws(RuntimeError) -> Keyring? {
        if let text = settings.optionalString("security.token") { return try Keyring(JoinToken.read(text)) }
        let (list, secret) = (settings.optionalString("security.allowed"), settings.optionalString("security.secret"))
        switch (list, secret) {
        case (nil, nil): return nil
        case (let list?, let secret?): return try Keyring(allowed: list, secret: secret)
        case (nil, _):
            throw RuntimeError(.badSetting, "security.secret is set, security.allowed is not; both are needed")
        case (_, nil):
            throw RuntimeError(.badSetting, "security.allowed is set, security.secret is not; both are needed")
        }
    }

    /// Reads both files.
    public convenience init(allowed path: String, secret: String) throws(RuntimeError) {
        let (identity, own) = try SecretKeyFile.read(secret)
        let allowed = try AllowedKeys.read(path)
        guard let entry = allowed.keys.last(where: { $0.publicKey == own.publicKey }) else {
            throw RuntimeError(.badSetting, "\(path): has no entry for the key of \(identity) in \(secret)")
        }
        guard entry.isUsable(at: Date()) else {
            throw RuntimeError(.badSetting, "\(path): the key of \(identity) was revoked or has expired")
        }
        self.init(identity: identity, own: own, source: .file(path), allowed: allowed)
        state.withLock { $0.modified = Self.modified(path) }
    }

    /// The keys of a token.
    public convenience init(_ token: JoinToken) throws(RuntimeError) {
        guard let own = try? CurveKeyPair(secretKey: token.secret) else {
            throw RuntimeError(.badSetting, "the token is damaged: copy all of it")
        }
        let known = AllowedKeys(version: 0, keys: token.keys)
        self.init(identity: token.identity, own: own, source: .profiler(known), allowed: known)
    }

    // MARK: Sockets

    /// The options of a socket that is bound, in a domain.
    public func binding(_ options: SocketOptions, domain: String) -> SocketOptions {
        var options = options
        options.security = .curveServer(keys: own, domain: domain)
        options.monitorsConnections = true
        return options
    }

    /// The options of a socket that connects to a service.
    ///
    /// - Throws: `RuntimeError` where no key of that service is known.
    public func connecting(_ options: SocketOptions, to setting: EndpointSetting) throws(RuntimeError) -> SocketOptions
    {
        let key = state.withLock { state in
            KeyRole(rawValue: setting.owner).flatMap { state.allowed.server($0, at: Date()) }
        }
        guard let key else { throw RuntimeError(.badSetting, "the list of keys has none for the \(setting.owner)") }
        return connecting(options, serverKey: key.publicKey)
    }

    /// The options of a socket that connects to an announced endpoint; one without a key is not connected to.
    public func connecting(_ options: SocketOptions, to endpoint: KeyedEndpoint) throws(RuntimeError) -> SocketOptions {
        guard let key = endpoint.serverKey else {
            throw RuntimeError(.badSetting, "\(endpoint.address) was announced without a key")
        }
        return connecting(options, serverKey: key)
    }

    private func connecting(_ options: SocketOptions, serverKey: String) -> SocketOptions {
        var options = options
        options.security = .curveClient(keys: own, serverKey: serverKey)
        return options
    }

    // MARK: Who may do what

    /// Whether a peer may connect.
    public func admits(_ request: AuthenticationRequest) -> Bool {
        state.withLock { state in
            guard let key = state.byKey[request.publicKey] else {
                state.unknown += 1
                state.refused += 1
                return false
            }
            let isAdmitted =
                key.isUsable(at: Date()) && !KeyRole.connecting(to: request.domain).isDisjoint(with: key.plays)
            if !isAdmitted { state.refused += 1 }
            return isAdmitted
        }
    }

    /// Why a message is not for its sender to send; `nil` where it is. A key that was taken back is found here, too: its
    /// connections may be older.
    public func refusal(of message: WireMessage) -> Fault? {
        let problem = state.withLock { state -> String? in
            guard let user = message.user, let key = state.byKey[user], key.isUsable(at: Date()) else {
                return "its key is unknown, has expired or was revoked"
            }
            guard !KeyRole.sending(message.type).isDisjoint(with: key.plays) else {
                return "the key of \(key.identity) may not send \(message.type)"
            }
            guard KeyRole.namesDevice(message.type), key.devices != nil else { return nil }
            guard let body = try? message.body(as: NamedDevice.self) else { return nil }
            return key.covers(device: body.device)
                ? nil : "the key of \(key.identity) may not speak for device \(body.device)"
        }
        guard let problem else { return nil }
        state.withLock { $0.refused += 1 }
        return Fault("not_permitted", problem)
    }

    private struct NamedDevice: Decodable, Sendable {
        var device: String
    }

    /// Connections and messages that were refused.
    var refused: Int { state.withLock { $0.refused } }

    // MARK: Changes

    /// What is answered to `keys.get`: usable keys, for who has no file.
    var published: AllowedKeys {
        let allowed = state.withLock { $0.allowed }
        return AllowedKeys(version: allowed.version, keys: allowed.keys.filter { $0.isUsable(at: Date()) })
    }

    /// Whether others may ask here.
    var isAuthority: Bool { if case .file = source { true } else { false } }

    /// Keeps the list as it is elsewhere: reads the file again when it has changed, or asks the profiler, more often while unknown keys
    /// come.
    func follow(_ registry: ClientSocket?, clock: SocketClock, note: @escaping @Sendable (String) -> Void) async {
        var seenUnknown = 0
        var pause = 0
        while (try? await clock.nextBeat(every: .seconds(1))) != nil {
            switch source {
            case .file(let path): reload(path, note)
            case .profiler(let known):
                let unknown = state.withLock { $0.unknown }
                pause -= 1
                guard let registry, pause <= 0 || unknown != seenUnknown else { continue }
                (seenUnknown, pause) = (unknown, 5)
                guard let reply = try? await registry.request(Outgoing(.keysGet), timeout: .seconds(2)),
                    let list = try? reply.body(as: AllowedKeys.self), list.keys.count <= 10_000
                else { continue }
                // What came with the token stays: the control plane's keys are not taken from the network.
                let merged = AllowedKeys(version: list.version, keys: list.keys + known.keys)
                state.withLock {
                    $0.allowed = merged
                    $0.index()
                }
            }
        }
    }

    private func reload(_ path: String, _ note: (String) -> Void) {
        let modified = Self.modified(path)
        guard state.withLock({ $0.modified != modified }) else { return }
        do throws(RuntimeError) {
            let allowed = try AllowedKeys.read(path)
            state.withLock {
                $0.allowed = allowed
                $0.modified = modified
                $0.index()
            }
            note("the list of keys has changed, version \(allowed.version)")
        } catch {
            // It may be in the middle of being written.
            let isNews = state.withLock { state in
                defer { state.faulty = modified }
                return state.faulty != modified
            }
            if isNews { note("the list of keys stays as it was: \(error.message)") }
        }
    }

    private static func modified(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
}
