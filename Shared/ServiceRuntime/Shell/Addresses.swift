internal import Messaging
internal import ServiceLifecycle

/// Where a process binds and connects, and with which keys.
public struct Addresses: Sendable {
    private var connecting: [EndpointSetting: String] = [:]
    private var binding: [EndpointSetting: String] = [:]
    /// The keys of all sockets; plain text, on this machine only, where absent.
    public var keyring: Keyring?

    /// The defaults: everything on this machine, in plain text.
    public init() {}

    /// Reads `endpoints.*`, `bind.*` and `security.*`.
    ///
    /// - Parameter bound: the sockets that the process binds.
    /// - Throws: `RuntimeError` where one of these would be open to other machines without keys.
    public init(_ settings: Settings, binding bound: [EndpointSetting] = []) throws(RuntimeError) {
        keyring = try Keyring.make(settings)
        let token = try settings.optionalString("security.token").map { text throws(RuntimeError) in
            try JoinToken.read(text)
        }
        for setting in EndpointSetting.allCases {
            let given = settings.given("endpoints.\(setting.rawValue)")
            connecting[setting] = given ?? token?.endpoints[setting.rawValue] ?? setting.defaultValue
            binding[setting] = settings.optionalString("bind.\(setting.rawValue)")
        }
        for setting in bound { try check(bind(setting), "bind.\(setting.rawValue)") }
    }

    /// Where to connect to a socket, and where its service binds it unless `bind` says otherwise.
    public subscript(_ setting: EndpointSetting) -> String {
        get { connecting[setting] ?? setting.defaultValue }
        set { connecting[setting] = newValue }
    }

    /// Where a service binds its own socket.
    public func bind(_ setting: EndpointSetting) -> String { binding[setting] ?? self[setting] }

    /// Whether something may be bound there.
    ///
    /// - Throws: `RuntimeError` where other machines could reach it without keys.
    public func check(_ endpoint: String, _ setting: String) throws(RuntimeError) {
        guard keyring == nil, Reach.leavesMachine(endpoint) else { return }
        throw RuntimeError(
            .badSetting,
            "\(setting): \(endpoint) is open to other machines, which needs keys: make them with `e2llm keys create DIR`, then set "
                + "security.allowed to DIR/allowed.json and security.secret to DIR/NAME.key")
    }

    /// What to tell others to connect to, for a socket that is bound here. Where it is bound on every address, the one that leads to a
    /// service is announced, which is waited for while that service's name is not known yet: in containers, until it has started.
    ///
    /// - Throws: `CancellationError` where the process is asked to stop meanwhile.
    public func announced(_ bound: String, towards setting: EndpointSetting) async throws -> String {
        var address = Reach.announced(bound, towards: self[setting])
        while Reach.isWildcard(address) {
            guard !Task.isShuttingDownGracefully else { throw CancellationError() }
            try await Task.sleep(for: .milliseconds(300))
            address = Reach.announced(bound, towards: self[setting])
        }
        return KeyedEndpoint(address: address, serverKey: keyring?.own.publicKey).description
    }
}
