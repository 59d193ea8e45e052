/// One stage of a route.
public struct RouteStage: Codable, Sendable, Hashable {
    /// The device.
    public var device: DeviceID
    /// The data endpoint of the worker that serves the stage.
    public var endpoint: String
    /// Its layers.
    public var layers: LayerRange

    /// Makes a stage.
    public init(device: DeviceID, endpoint: String, layers: LayerRange) {
        self.device = device
        self.endpoint = endpoint
        self.layers = layers
    }
}

/// Where a request is computed.
public struct Route: Codable, Sendable, Hashable {
    /// The prefill replica, absent where the decoder prefills for itself.
    public var prefillReplica: ReplicaID?
    /// Stages of the prefill replica; empty where the decoder prefills for itself.
    public var prefill: [RouteStage]
    /// The decoder (or mixed) replica.
    public var decodeReplica: ReplicaID
    /// Its stages.
    public var decode: [RouteStage]
    /// The tokens socket of the gateway.
    public var gateway: String

    /// Makes a route.
    public init(
        prefillReplica: ReplicaID?, prefill: [RouteStage], decodeReplica: ReplicaID, decode: [RouteStage],
        gateway: String
    ) {
        self.prefillReplica = prefillReplica
        self.prefill = prefill
        self.decodeReplica = decodeReplica
        self.decode = decode
        self.gateway = gateway
    }

    /// The decoder stages that need the KV cache of some of these layers.
    public func consumers(of layers: LayerRange) -> [RouteStage] { decode.filter { $0.layers.overlaps(layers) } }

    private enum CodingKeys: String, CodingKey {
        case prefill, decode, gateway
        case prefillReplica = "prefill_replica"
        case decodeReplica = "decode_replica"
    }
}
