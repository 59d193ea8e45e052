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
        addOllama(to: &routes)
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
        routes.on(.get, "/api/version", needsKey: false, errors: .ollama) { _, _ in others.version() }
    }

    /// Tokens of a chat, as its answer would count them.
    private func count(_ body: JSONValue) throws(APIError) -> Int {
        let fields = try RequestFields(body)
        if let name = try fields.string("model"), !model.names.contain(name) { throw model.names.unknown(name) }
        return try ChatReader(reader).tokens(fields, try ToolReader(fields, model.vocabulary).read()).count
    }
}
