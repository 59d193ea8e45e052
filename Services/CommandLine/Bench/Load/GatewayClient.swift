import Foundation

/// What a load generator asks a gateway before and after its requests.
struct GatewayClient: Sendable {
    /// The address of the gateway, without a path.
    let base: String
    private let keyFile: String?

    init(base: String, keyFile: String?) {
        var base = base
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        self.keyFile = keyFile
    }

    /// The headers of every request: the key, where there is one.
    func headers() throws -> [String: String] {
        guard let keyFile else { return [:] }
        let text: String
        do {
            text = try String(contentsOfFile: keyFile, encoding: .utf8)
        } catch {
            throw Failure(.failed, "--api-key-file: \(keyFile) cannot be read: \(error.localizedDescription)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        guard let key = lines.first(where: { !$0.isEmpty && !$0.hasPrefix("#") }) else {
            throw Failure(.failed, "--api-key-file: \(keyFile) holds no key")
        }
        return ["authorization": "Bearer \(key)"]
    }

    /// The model that is served.
    func model(_ headers: [String: String]) async throws -> ServedFleet.Model {
        try ServedFleet.Model(try await body("/v1/models", headers))
    }

    /// Plan and fleet.
    func fleet(_ headers: [String: String]) async throws -> ServedFleet {
        try ServedFleet(try await body("/v1/cluster", headers))
    }

    private func body(_ path: String, _ headers: [String: String]) async throws -> String {
        guard let response = await HTTPClient.get(base + path, headers: headers) else {
            throw Failure(.notReady, "nobody answers at \(base): is a cluster running?")
        }
        guard response.status == 200 else {
            throw Failure(
                response.status == 503 ? .notReady : .failed,
                "\(path): the server answered \(response.status)"
                    + (response.errorMessage.map { ": \($0)" } ?? ""))
        }
        return response.body
    }
}
