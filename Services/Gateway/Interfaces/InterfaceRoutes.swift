import HTTPTypes
import Hummingbird
import HummingbirdCore

/// The routes of the interfaces besides OpenAI's chats and completions.
struct InterfaceRoutes: Sendable {
    let service: GatewayService
    let model: ServedModel
    let bodies: BodyReader
    let reader: RequestReader
    let generation: GenerationHandler

    /// Adds them to a table.
    func add(to routes: inout RouteTable) {
        let generation = generation
        routes.on(.post, "/v1/messages", errors: .anthropic) { request, connection async throws(APIError) in
            try await generation.respond(request, connection, through: AnthropicReader.interface)
        }
        routes.on(.post, "/v1/messages/count_tokens", errors: .anthropic) {
            request, connection async throws(APIError) in
            let body = try AnthropicReader.chat(try await bodies.json(request, connection))
            return .json(["input_tokens": .integer(try count(body))])
        }
        routes.on(.post, "/v1/responses", "/responses") { request, connection async throws(APIError) in
            try await generation.respond(request, connection, through: ResponsesReader.interface)
        }
        routes.on(.post, "/v1/embeddings", "/embeddings") { request, connection async throws(APIError) in
            try await noEmbeddings(request, connection)
        }
        addOllama(to: &routes)
        addLlamaServer(to: &routes)
    }

    private func addOllama(to routes: inout RouteTable) {
        let generation = generation
        let chats = OllamaReader(form: .chat, names: model.names)
        let texts = OllamaReader(form: .generate, names: model.names)
        let others = OllamaRoutes(service: service, model: model, bodies: bodies)
        routes.on(.post, "/api/chat", errors: .ollama) { request, connection async throws(APIError) in
            try await generation.respond(request, connection, through: chats.interface)
        }
        routes.on(.post, "/api/generate", errors: .ollama) { request, connection async throws(APIError) in
            try await generation.respond(request, connection, through: texts.interface)
        }
        routes.on(.get, "/api/tags", errors: .ollama) { _, _ in others.tags() }
        routes.on(.get, "/api/ps", errors: .ollama) { _, _ in others.running() }
        routes.on(.post, "/api/show", errors: .ollama) { request, connection async throws(APIError) in
            try await others.show(request, connection)
        }
        routes.on(.post, "/api/embed", "/api/embeddings", errors: .ollama) {
            request, connection async throws(APIError) in
            try await noEmbeddings(request, connection)
        }
        routes.on(.get, "/api/version", needsKey: false, errors: .ollama) { _, _ in others.version() }
    }

    private func addLlamaServer(to routes: inout RouteTable) {
        let llama = LlamaServerRoutes(service: service, model: model, reader: reader)
        routes.on(.get, "/props") { _, _ async throws(APIError) in try llama.properties() }
        routes.on(.get, "/slots") { request, _ async throws(APIError) in try llama.slots(request) }
        routes.on(.post, "/apply-template") { request, connection async throws(APIError) in
            .json(["prompt": .string(model.vocabulary.decode(try tokens(await bodies.json(request, connection))))])
        }
        routes.on(.post, "/v1/chat/completions/input_tokens") { request, connection async throws(APIError) in
            Self.count(try count(await bodies.json(request, connection)))
        }
        routes.on(.post, "/v1/responses/input_tokens") { request, connection async throws(APIError) in
            Self.count(try count(ResponsesReader.chat(await bodies.json(request, connection))))
        }
    }

    /// Says of every body that is one what a client would not learn from a 404.
    private func noEmbeddings(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> Response {
        _ = try await bodies.json(request, connection)
        throw APIError(
            status: 400, type: "not_supported_error", message: "this server makes no embeddings, it only writes text",
            code: "embeddings_not_supported")
    }

    private static func count(_ tokens: Int) -> Response {
        .json(["object": "response.input_tokens", "input_tokens": .integer(tokens)])
    }

    /// Tokens of a chat, as its answer would count them.
    private func count(_ body: JSONValue) throws(APIError) -> Int { try tokens(body).count }

    private func tokens(_ body: JSONValue) throws(APIError) -> [Int32] {
        let fields = try RequestFields(body)
        if let name = try fields.string("model"), !model.names.contain(name) { throw model.names.unknown(name) }
        return try ChatReader(reader).tokens(fields, try ToolReader(fields, model.vocabulary).read())
    }
}
