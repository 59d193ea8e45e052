import Domain
import Grammar

/// Reads what the output must follow: OpenAI's `response_format`, llama-server's `grammar` and `json_schema`, vLLM's
/// `structured_outputs` and `guided_...`.
struct ConstraintReader {
    /// A constraint and who asked for it.
    struct Found {
        var constraint: SamplingConstraint
        /// The field that says so.
        var name: String
        /// The field of the body in which it stands.
        var field: String { String(name.prefix { $0 != "." }) }
    }

    private let fields: RequestFields

    init(_ fields: RequestFields) { self.fields = fields }

    /// The constraint, compiled once to see that it can be followed.
    func read() throws(APIError) -> Found? {
        var found = try responseFormat().map { [$0] } ?? []
        if let schema = fields.value("json_schema") { found.append(try self.schema(schema, "json_schema")) }
        try add("grammar", .grammar, fields, &found)
        try add("regex", .regex, fields, &found)
        if let schema = fields.value("guided_json") { found.append(try self.schema(schema, "guided_json")) }
        try add("guided_regex", .regex, fields, &found)
        try add("guided_grammar", .grammar, fields, &found)
        if let list = fields.value("guided_choice") { found.append(try choice(list, "guided_choice")) }
        if let value = fields.value("structured_outputs") { try structuredOutputs(value, &found) }
        guard let first = found.first else { return nil }
        guard found.count == 1 else {
            throw APIError.invalid(
                "only one of \(found.map(\.name).joined(separator: ", ")) can be followed", found[1].name)
        }
        if try fields.bool("ignore_eos") == true {
            throw APIError.invalid(
                "ignore_eos cannot be set together with \(first.name), after whose end nothing can follow", "ignore_eos"
            )
        }
        do {
            _ = try CompiledGrammar.compile(first.constraint)
        } catch {
            throw APIError.invalid("\(first.name): \(error.message)", first.name)
        }
        return first
    }

    private func responseFormat() throws(APIError) -> Found? {
        guard let value = fields.value("response_format") else { return nil }
        let format = try RequestFields(value, prefix: "response_format.")
        switch try format.string("type") {
        case "text": return nil
        case "json_object":
            // llama-server takes a schema here, too.
            if let schema = format.value("schema") { return try self.schema(schema, "response_format.schema") }
            return Found(constraint: SamplingConstraint(.jsonObject), name: "response_format")
        case "json_schema":
            guard let value = format.value("json_schema") else {
                throw APIError.invalid("response_format.json_schema is missing", "response_format.json_schema")
            }
            let inner = try RequestFields(value, prefix: "response_format.json_schema.")
            _ = try inner.bool("strict")
            guard let schema = inner.value("schema") else {
                throw APIError.invalid(
                    "response_format.json_schema.schema is missing", "response_format.json_schema.schema")
            }
            return try self.schema(schema, "response_format.json_schema.schema")
        case let type:
            throw APIError.invalid(
                "response_format.type must be text, json_object or json_schema, not \(type?.prefix(64) ?? "absent")",
                "response_format.type")
        }
    }

    private func structuredOutputs(_ value: JSONValue, _ found: inout [Found]) throws(APIError) {
        let outputs = try RequestFields(value, prefix: "structured_outputs.")
        let known: Set<String> = ["json", "regex", "choice", "grammar", "json_object", "disable_fallback"]
        for member in value.members ?? [] where !known.contains(member.key) {
            if member.value != .null, member.value != .bool(false) {
                throw APIError.unsupported(outputs.name(member.key))
            }
        }
        if let schema = outputs.value("json") { found.append(try self.schema(schema, outputs.name("json"))) }
        try add("regex", .regex, outputs, &found)
        try add("grammar", .grammar, outputs, &found)
        if let list = outputs.value("choice") { found.append(try choice(list, outputs.name("choice"))) }
        if try outputs.bool("json_object") == true {
            found.append(Found(constraint: SamplingConstraint(.jsonObject), name: outputs.name("json_object")))
        }
    }

    private func add(
        _ key: String, _ kind: SamplingConstraint.Kind, _ fields: RequestFields, _ found: inout [Found]
    ) throws(APIError) {
        guard let text = try fields.string(key), !text.isEmpty else { return }
        found.append(try bounded(SamplingConstraint(kind, text), fields.name(key)))
    }

    /// A schema, as an object or, in vLLM's fields, as a text.
    private func schema(_ value: JSONValue, _ name: String) throws(APIError) -> Found {
        if let text = value.text { return try bounded(SamplingConstraint(.jsonSchema, text), name) }
        switch value {
        case .object, .bool: return try bounded(SamplingConstraint(.jsonSchema, value.written), name)
        default: throw APIError.invalid("\(name) must be a JSON Schema", name)
        }
    }

    private func choice(_ value: JSONValue, _ name: String) throws(APIError) -> Found {
        guard let texts = value.elements, !texts.isEmpty, texts.allSatisfy({ $0.text != nil }) else {
            throw APIError.invalid("\(name) must be an array of strings that is not empty", name)
        }
        return try bounded(SamplingConstraint(.choice, value.written), name)
    }

    private func bounded(_ constraint: SamplingConstraint, _ name: String) throws(APIError) -> Found {
        guard constraint.text.utf8.count <= SamplingConstraint.maximumBytes else {
            throw APIError.invalid(
                "\(name) has \(constraint.text.utf8.count) bytes, at most \(SamplingConstraint.maximumBytes) are accepted",
                name)
        }
        return Found(constraint: constraint, name: name)
    }
}
