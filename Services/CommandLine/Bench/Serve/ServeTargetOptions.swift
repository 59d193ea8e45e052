import ArgumentParser
import Foundation

/// Which server is measured, and how it is spoken to.
struct ServeTargetOptions: ParsableArguments {
    @Option(help: "The address of the server; default: the newest cluster of this machine.") var baseUrl: String?
    @Option(help: "Instead of --base-url: the host.") var host: String?
    @Option(help: "Instead of --base-url: the port.") var port: Int?
    @Option(help: "openai (completions) or openai-chat; default: by the endpoint.") var backend: String?
    @Option(help: "The path of the requests; default: /v1/completions, for chats /v1/chat/completions.")
    var endpoint: String?
    @Option(help: "The model's name in requests; default: the first one of /v1/models.") var model: String?
    @Option(help: "A file with the API key; default: the key in E2LLM_API_KEY.") var apiKeyFile: String?
    @Option(parsing: .unconditional, help: "Seconds to wait until a request of one token is answered; 0: it has to be.")
    var readyCheckTimeoutSec: Int = 0

    /// The address in front of the endpoint.
    func address() throws -> GatewayAddress {
        guard let baseUrl else {
            if host == nil, port == nil {
                return try GatewayAddress(ClusterRecord.live().first?.http ?? "http://127.0.0.1:8080")
            }
            let port = port ?? 8000
            guard (1...65535).contains(port) else { throw Failure(.usage, "--port is \(port), it must be 1 to 65535") }
            return try GatewayAddress("http://\(HostText.bracketed(host ?? "127.0.0.1")):\(port)")
        }
        guard host == nil, port == nil else { throw Failure(.usage, "give either --base-url or --host and --port") }
        return try GatewayAddress(baseUrl)
    }

    /// The shape of the requests with their path.
    func interface() throws -> (shape: ServeInterface, path: String) {
        guard readyCheckTimeoutSec >= 0 else {
            throw Failure(.usage, "--ready-check-timeout-sec is \(readyCheckTimeoutSec), it must not be negative")
        }
        let wanted = try backend.map { name in
            guard let shape = ServeInterface(backend: name) else {
                throw Failure(.usage, "--backend is \(name), openai and openai-chat are known")
            }
            return shape
        }
        guard let endpoint else {
            let shape = wanted ?? .completions
            return (shape, shape.defaultPath)
        }
        guard endpoint.hasPrefix("/"), let shape = ServeInterface(path: endpoint) else {
            throw Failure(
                .usage, "--endpoint is \(endpoint), it must be a path that ends in /completions or /chat/completions")
        }
        guard wanted == nil || wanted == shape else {
            throw Failure(.usage, "--endpoint \(endpoint) is not what --backend \(backend ?? "") speaks")
        }
        return (shape, endpoint)
    }

    /// Asks the server for its model.
    func target() async throws -> ServeTarget {
        let (shape, path) = try interface()
        let client = GatewayClient(try address(), key: try GatewayKey(file: apiKeyFile))
        let card = try await card(client)
        return ServeTarget(
            url: client.base + path, headers: client.headers, interface: shape, model: card.id,
            vocabulary: card.vocabulary, context: card.context)
    }

    /// The model's card, once the server has it.
    private func card(_ client: GatewayClient) async throws -> ServeModelCard {
        let start = ContinuousClock.now
        while true {
            do {
                let response = try await HTTPClient.fetch("\(client.base)/v1/models", headers: client.headers)
                return try ServeModelCard.choose(model, from: response)
            } catch let failure as Failure where failure.kind == .notReady {
                guard ContinuousClock.now - start < .seconds(readyCheckTimeoutSec) else { throw failure }
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// The two shapes of requests.
enum ServeInterface: Sendable, Hashable {
    case completions
    case chat

    /// By vLLM's name of it.
    init?(backend: String) {
        switch backend {
        case "openai", "vllm": self = .completions
        case "openai-chat": self = .chat
        default: return nil
        }
    }

    /// By the end of a path.
    init?(path: String) {
        if path.hasSuffix("/chat/completions") {
            self = .chat
        } else if path.hasSuffix("/completions") {
            self = .completions
        } else {
            return nil
        }
    }

    /// vLLM's name of it.
    var backend: String { self == .chat ? "openai-chat" : "openai" }

    /// Where servers have it.
    var defaultPath: String { self == .chat ? "/v1/chat/completions" : "/v1/completions" }
}
