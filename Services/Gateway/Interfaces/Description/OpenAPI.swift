import Domain

/// The description of the HTTP interface by OpenAPI 3.1.
enum OpenAPI {
    /// The document.
    static let document: JSONValue = [
        "openapi": "3.1.0",
        "info": [
            "title": "E2LLM", "version": .string(ProductVersion.number),
            "description":
                "One model, served by a fleet of devices under the interfaces of OpenAI, Anthropic and Ollama.",
        ],
        "paths": .object(paths),
        "components": [
            "securitySchemes": [
                "bearer": ["type": "http", "scheme": "bearer"],
                "key": ["type": "apiKey", "in": "header", "name": "x-api-key"],
            ]
        ],
    ]

    private static var paths: [JSONValue.Member] {
        var result: [JSONValue.Member] = []
        for operation in Operation.all {
            for (index, path) in operation.paths.enumerated() {
                let method = JSONValue.Member(
                    key: operation.method.lowercased(), value: describe(operation, path: path, isAlias: index > 0))
                if let place = result.firstIndex(where: { $0.key == path }) {
                    result[place].value = result[place].value.adding(.object([method]))
                } else {
                    result.append(JSONValue.Member(key: path, value: .object([method])))
                }
            }
        }
        return result
    }

    private static func describe(_ operation: Operation, path: String, isAlias: Bool) -> JSONValue {
        let name = path.map { $0.isLetter || $0.isNumber ? $0 : "_" }
        var value: JSONValue = [
            "operationId": .string(operation.method.lowercased() + String(name)),
            "tags": [.string(operation.group)], "summary": .string(operation.summary),
        ]
        if isAlias {
            value = value.adding(["description": .string("The same as \(operation.paths.first ?? "").")])
        }
        if path.hasSuffix("{id}") {
            value = value.adding([
                "parameters": [["name": "id", "in": "path", "required": true, "schema": ["type": "string"]]]
            ])
        }
        if let fields = operation.fields {
            value = value.adding([
                "requestBody": ["required": true, "content": ["application/json": ["schema": schema(fields)]]]
            ])
        }
        let security: JSONValue = operation.needsKey ? [["bearer": []], ["key": []], .object([])] : []
        let failure = JSONValue.Member(
            key: "default", value: ["description": "An error in the form of the interface."])
        guard !operation.alwaysFails else {
            return value.adding(["responses": .object([failure]), "security": security])
        }
        var content = [JSONValue.Member(key: operation.answer, value: .object([]))]
        if let stream = operation.stream { content.append(JSONValue.Member(key: stream, value: .object([]))) }
        let answer = JSONValue.Member(
            key: "200", value: ["description": "The answer.", "content": .object(content)])
        return value.adding(["responses": .object([answer, failure]), "security": security])
    }

    private static func schema(_ fields: [Operation.Field]) -> JSONValue {
        let properties = fields.map { JSONValue.Member(key: $0.name, value: $0.schema) }
        let base: JSONValue = ["type": "object", "properties": .object(properties)]
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        return required.isEmpty ? base : base.adding(["required": .array(required)])
    }
}
