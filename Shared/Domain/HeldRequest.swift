/// A request that a worker holds, reported to a restarted scheduler.
public struct HeldRequest: Codable, Sendable, Hashable {
    /// The request.
    public var request: RequestID
    /// Tokens of KV cache that are reserved for it.
    public var reservedTokens: Int
    /// Where its tokens go.
    public var gatewayEndpoint: String
    /// The replica that it is driven on; absent where the worker serves only one.
    public var replica: ReplicaID?

    /// Makes a record.
    public init(request: RequestID, reservedTokens: Int, gatewayEndpoint: String, replica: ReplicaID? = nil) {
        self.request = request
        self.replica = replica
        self.reservedTokens = reservedTokens
        self.gatewayEndpoint = gatewayEndpoint
    }

    private enum CodingKeys: String, CodingKey {
        case request, replica
        case reservedTokens = "reserved_tokens"
        case gatewayEndpoint = "gateway_endpoint"
    }
}
