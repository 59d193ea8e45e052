import Domain
import HTTPTypes
import Hummingbird
import HummingbirdCore

/// `/api/tags`, `/api/show`, `/api/ps` and `/api/version`.
struct OllamaRoutes: Sendable {
    let service: GatewayService
    let model: ServedModel
    let bodies: BodyReader

    /// Models that are there.
    func tags() -> Response {
        .json(["models": .array(model.names.told.map { entry($0, ["modified_at": modified]) })])
    }

    /// Models that are loaded: the fleet's, while it serves. It stays so for ever.
    func running() -> Response {
        guard service.obstacle == nil else { return .json(["models": []]) }
        let more: JSONValue = [
            "expires_at": "9999-12-31T00:00:00Z", "size_vram": 0,
            "context_length": model.toldContext.map { .integer($0) } ?? .null,
        ]
        return .json(["models": [entry(model.names.id, more)]])
    }

    /// What is known of a model.
    func show(_ request: Request, _ connection: ClientConnection) async throws(APIError) -> Response {
        let fields = try RequestFields(try await bodies.json(request, connection))
        let newer = try fields.string("model")
        let older = try fields.string("name")
        guard let name = newer ?? older else { throw APIError.invalid("model is missing", "model") }
        guard model.names.contain(OllamaNames.short(name)) else { throw model.names.unknown(name) }
        let template = model.vocabulary.chatTemplate
        var capabilities: [JSONValue] = ["completion"]
        if let template, ToolSyntax(template: template) != nil { capabilities.append("tools") }
        if let template, ThinkTags.of(template: template) != nil || ToolSyntax(template: template) == .harmony {
            capabilities.append("thinking")
        }
        var facts: JSONValue = [
            "general.architecture": .string(model.file.architecture),
            "general.parameter_count": .integer(model.file.parameters),
        ]
        for figure in model.file.figures {
            facts = facts.adding(.object([.init(key: figure.key, value: .integer(figure.value))]))
        }
        return .json([
            "modelfile": "", "parameters": "", "template": .string(template ?? ""), "details": details,
            "model_info": facts, "capabilities": .array(capabilities), "modified_at": modified,
        ])
    }

    /// Ollama's version is compared by clients; this server has its own.
    func version() -> Response { .json(["version": .string(ProductVersion.number)]) }

    private var modified: JSONValue { model.file.modified.isEmpty ? .null : .string(model.file.modified) }

    private var details: JSONValue {
        [
            "parent_model": "", "format": "gguf", "family": .string(model.file.architecture),
            "families": [.string(model.file.architecture)], "parameter_size": .string(model.file.parameterSize),
            "quantization_level": .string(model.file.quantization),
        ]
    }

    private func entry(_ name: String, _ more: JSONValue) -> JSONValue {
        let name = JSONValue.string(OllamaNames.tagged(name))
        let base: JSONValue = [
            "name": name, "model": name, "size": .integer(model.file.bytes),
            "digest": .string(model.digest.rawValue), "details": details,
        ]
        return base.adding(more)
    }
}
