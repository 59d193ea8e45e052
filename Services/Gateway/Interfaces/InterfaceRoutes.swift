import HTTPTypes
import Hummingbird
import HummingbirdCore

/// The routes of the interfaces besides OpenAI's chats and completions.
struct InterfaceRoutes: Sendable {
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
    }

    /// Tokens of a chat, as its answer would count them.
    private func count(_ body: JSONValue) throws(APIError) -> Int {
        let fields = try RequestFields(body)
        if let name = try fields.string("model"), !model.names.contain(name) { throw model.names.unknown(name) }
        return try ChatReader(reader).tokens(fields, try ToolReader(fields, model.vocabulary).read()).count
    }
}
