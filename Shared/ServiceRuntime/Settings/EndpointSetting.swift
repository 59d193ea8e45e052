/// Where the services meet. A service binds its own endpoints and connects to the others', so one file serves all; where
/// the address to bind differs from the one to connect to (containers), the `bind.` settings say so.
public enum EndpointSetting: String, Sendable, CaseIterable {
    /// The profiler's ROUTER.
    case registry
    /// The profiler's PUB.
    case fleet
    /// The partitioner's ROUTER.
    case partition
    /// The clusterer's ROUTER.
    case plan
    /// The clusterer's PUB.
    case proposals
    /// The scheduler's ROUTER.
    case control
    /// The scheduler's PUB.
    case state
    /// The gateway's ROUTER for tokens.
    case tokens

    /// The default endpoint, on this machine only.
    public var defaultValue: String {
        switch self {
        case .registry: "tcp://127.0.0.1:5550"
        case .fleet: "tcp://127.0.0.1:5551"
        case .partition: "tcp://127.0.0.1:5552"
        case .plan: "tcp://127.0.0.1:5553"
        case .proposals: "tcp://127.0.0.1:5554"
        case .control: "tcp://127.0.0.1:5555"
        case .state: "tcp://127.0.0.1:5556"
        case .tokens: "tcp://127.0.0.1:5557"
        }
    }

    private var summary: String {
        switch self {
        case .registry: "profiler, ROUTER: registration, heartbeats, measurements"
        case .fleet: "profiler, PUB: devices, profiles, links"
        case .partition: "partitioner, ROUTER: partition queries"
        case .plan: "clusterer, ROUTER: plan requests"
        case .proposals: "clusterer, PUB: plan proposals"
        case .control: "scheduler, ROUTER: gateway, workers, command line"
        case .state: "scheduler, PUB: plan in force, loads, workload"
        case .tokens: "gateway, ROUTER: tokens from the last stages"
        }
    }

    /// The rows for a service's table of settings: `endpoints.*` for all, `bind.*` for those that it binds, `security.*`, `fleet.*`.
    public static func keys(binding bound: [EndpointSetting]) -> [SettingKey] {
        allCases.map {
            SettingKey("endpoints.\($0.rawValue)", $0.defaultValue, "where to connect to the \($0.summary)")
        }
            + allCases.map {
                let mine = bound.contains($0) ? "" : " (not bound by this service)"
                return SettingKey("bind.\($0.rawValue)", "", "where to bind, if not there: \($0.summary)\(mine)")
            } + Keyring.settings + FleetSettings.all
    }
}

extension EndpointSetting {
    /// The service that binds it.
    public var owner: String {
        switch self {
        case .registry, .fleet: "profiler"
        case .partition: "partitioner"
        case .plan, .proposals: "clusterer"
        case .control, .state: "scheduler"
        case .tokens: "gateway"
        }
    }
}
