/// Where a process binds and connects.
public struct Addresses: Sendable {
    private var connecting: [EndpointSetting: String] = [:]
    private var binding: [EndpointSetting: String] = [:]

    /// The defaults: everything on this machine.
    public init() {}

    /// Reads `endpoints.*` and `bind.*`.
    public init(_ settings: Settings) throws(RuntimeError) {
        for setting in EndpointSetting.allCases {
            connecting[setting] = try settings.string("endpoints.\(setting.rawValue)")
            binding[setting] = settings.optionalString("bind.\(setting.rawValue)")
        }
    }

    /// Where to connect to a socket, and where its service binds it unless `bind` says otherwise.
    public subscript(_ setting: EndpointSetting) -> String {
        get { connecting[setting] ?? setting.defaultValue }
        set { connecting[setting] = newValue }
    }

    /// Where a service binds its own socket.
    public func bind(_ setting: EndpointSetting) -> String { binding[setting] ?? self[setting] }
}
