import Protocol

/// What a key may be used for.
public enum KeyRole: String, Codable, Sendable, Hashable, CaseIterable {
    case profiler, partitioner, clusterer, scheduler, gateway
    /// Both workers of devices.
    case worker
    /// The command line: asks, changes nothing.
    case client

    /// Those that may connect to a socket: who needs it, the command line, and the service itself, for its health check.
    static func connecting(to domain: String) -> Set<KeyRole> {
        let owner = EndpointSetting(rawValue: domain).flatMap { KeyRole(rawValue: $0.owner) }
        return users(of: domain).union(owner.map { [$0] } ?? [])
    }

    private static func users(of domain: String) -> Set<KeyRole> {
        switch domain {
        case EndpointSetting.registry.rawValue: [.worker, .scheduler, .gateway, .client]
        case EndpointSetting.fleet.rawValue: [.clusterer, .scheduler, .gateway, .client]
        case EndpointSetting.partition.rawValue: [.clusterer, .client]
        case EndpointSetting.plan.rawValue: [.scheduler, .gateway, .client]
        case EndpointSetting.proposals.rawValue: [.scheduler, .client]
        case EndpointSetting.control.rawValue: [.worker, .gateway, .client]
        case EndpointSetting.state.rawValue: [.clusterer, .gateway, .client]
        case EndpointSetting.tokens.rawValue: [.worker, .client]
        case Self.dataDomain: [.worker, .client]
        default: []
        }
    }

    /// The domain of workers' data sockets.
    static let dataDomain = "data"

    /// Those that may send a message; questions are everybody's.
    static func sending(_ type: MessageType) -> Set<KeyRole> {
        switch type {
        case .ping, .pong, .fleetGet, .stateGet, .healthGet, .metricsGet, .traceGet, .keysGet: Set(allCases)
        case .partitionSolve: [.clusterer, .client]
        case .planRequest: [.scheduler, .client]
        case .planPreview: [.gateway, .client]
        case .requestSubmit, .requestCancel, .gatewayHeartbeat: [.gateway]
        default: [.worker]
        }
    }

    /// Whether a message of this type says for which device its sender speaks.
    static func namesDevice(_ type: MessageType) -> Bool {
        switch type {
        case .deviceRegister, .deviceHeartbeat, .deviceLeave, .workerHello, .workerHeartbeat: true
        default: false
        }
    }
}
