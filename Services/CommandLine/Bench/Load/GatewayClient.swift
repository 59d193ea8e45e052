/// What a load generator asks a gateway before and after its requests.
struct GatewayClient: Sendable {
    /// The address of the gateway, without a path.
    let base: String
    /// The headers of every request: the key, where there is one.
    let headers: [String: String]

    init(_ address: GatewayAddress, key: GatewayKey) {
        base = address.base
        headers = key.headers
    }

    /// The model that is served.
    func model() async throws -> ServedFleet.Model {
        try ServedFleet.Model(try await body("/v1/models"))
    }

    /// Plan and fleet.
    func fleet() async throws -> ServedFleet {
        try ServedFleet(try await body("/v1/cluster"))
    }

    private func body(_ path: String) async throws -> String {
        let response = try await HTTPClient.fetch(base + path, headers: headers)
        guard response.status == 200 else {
            throw Failure(
                response.status == 503 ? .notReady : .failed,
                "\(path): the server answered \(response.status)"
                    + (response.errorMessage.map { ": \($0)" } ?? ""))
        }
        return response.body
    }
}
