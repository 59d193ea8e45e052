internal import Domain

/// Questions that every ROUTER of a service answers about the service itself.
extension MessageType {
    /// Asks how a service is; answered with `health` by its run loop. The body is empty.
    public static let healthGet: MessageType = "health.get"
    /// Reply to `health.get`.
    public static let health: MessageType = "health"
    /// Asks for a service's figures; answered with `metrics`. The body is empty.
    public static let metricsGet: MessageType = "metrics.get"
    /// Asks the profiler for the fleet's public keys. The body is empty.
    public static let keysGet: MessageType = "keys.get"
    /// Reply to `keys.get`: the list of keys that are let in.
    public static let keys: MessageType = "keys"
    /// Reply to `metrics.get`.
    public static let metrics: MessageType = "metrics"
}

/// How a service is.
public struct ServiceHealth: Codable, Sendable, Hashable {
    /// The name of its executable.
    public var service: String
    /// Why it cannot do its work, a sentence each; empty where it can.
    public var problems: [String]
    /// Seconds since it started.
    public var uptimeSeconds: Double

    /// Makes the body.
    public init(service: String, problems: [String], uptimeSeconds: Double) {
        self.service = service
        self.problems = problems
        self.uptimeSeconds = uptimeSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case service, problems
        case uptimeSeconds = "uptime_s"
    }
}

/// The figures of a service.
public struct ServiceMetrics: Codable, Sendable, Hashable {
    /// In the text format of Prometheus.
    public var text: String

    /// Makes the body.
    public init(text: String) { self.text = text }
}
