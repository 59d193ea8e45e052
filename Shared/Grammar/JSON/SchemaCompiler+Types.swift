/// Schemas without references and combinations: values, types and their keywords.
extension SchemaCompiler {
    private static let typeNames = ["object", "array", "string", "number", "integer", "boolean", "null"]
    /// The type that a keyword says something about, and that a schema without `type` gets by it.
    private static let keywordTypes: [String: String] = [
        "properties": "object", "required": "object", "additionalProperties": "object",
        "items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
        "minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
        "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    ]

    mutating func plain(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        guard case .object(let members) = schema else { throw Self.invalid(path, "a schema is an object or a boolean") }
        for member in members where !["type", "enum", "const"].contains(member.key) {
            if Self.keywordTypes[member.key] == nil { throw Self.unsupported(member.key.prefix(64).description, path) }
        }
        let types = try types(schema, path)
        if schema["enum"] != nil || schema["const"] != nil { return try values(schema, types, path) }
        let wanted: [String]
        if let types {
            wanted = types
        } else {
            // A schema without a type is one of the types of its keywords.
            let implied = Self.typeNames.filter { type in members.contains { Self.keywordTypes[$0.key] == type } }
            guard !implied.isEmpty else { return try json.value() }
            wanted = implied
        }
        var parts: [Expression] = []
        for type in wanted {
            if type == "integer" && wanted.contains("number") { continue }
            parts.append(try expression(type, schema, path))
        }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private func types(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> [String]? {
        var types: [String] = []
        switch schema["type"] {
        case nil: return nil
        case .string(let name)?: types = [name]
        case .array(let names)?:
            for name in names {
                guard case .string(let name) = name else { throw Self.invalid(path, "type needs names of types") }
                if !types.contains(name) { types.append(name) }
            }
        default: throw Self.invalid(path, "type needs names of types")
        }
        for name in types where !Self.typeNames.contains(name) {
            throw Self.invalid(path, "\(name.prefix(64)) is no type")
        }
        guard !types.isEmpty else { throw Self.invalid(path, "type needs names of types") }
        return types
    }

    private func values(
        _ schema: SchemaValue, _ types: [String]?, _ path: String
    ) throws(GrammarError) -> Expression {
        var values: [SchemaValue] = []
        if let list = schema["enum"] {
            guard case .array(let elements) = list, !elements.isEmpty else {
                throw Self.invalid(path, "enum needs a list of values")
            }
            values = elements
        }
        if let constant = schema["const"] {
            guard values.isEmpty || values.contains(constant) else {
                throw GrammarError(.unsatisfiable, "\(path): const is none of enum")
            }
            values = [constant]
        }
        guard case .object(let members) = schema else { return .never }
        for member in members where !["type", "enum", "const"].contains(member.key) {
            throw Self.unsupported("\(member.key) together with enum or const", path)
        }
        if let types {
            values.removeAll { value in
                !types.contains(value.typeName) && !(value.typeName == "integer" && types.contains("number"))
            }
            guard !values.isEmpty else { throw GrammarError(.unsatisfiable, "\(path): no value of enum has the type") }
        }
        return .oneOf(values.map { Array($0.text.utf8) })
    }

    private mutating func expression(
        _ type: String, _ schema: SchemaValue, _ path: String
    ) throws(GrammarError) -> Expression {
        switch type {
        case "object": try object(schema, path)
        case "array": try array(schema, path)
        case "string": try string(schema, path)
        case "integer", "number": try number(schema, isWhole: type == "integer", path)
        case "boolean": JSONRules.boolean
        default: .text("null")
        }
    }

    func count(_ keyword: String, _ schema: SchemaValue, _ path: String) throws(GrammarError) -> Int? {
        guard let value = schema[keyword] else { return nil }
        guard let count = value.count else { throw Self.invalid(path, "\(keyword) needs a whole number from 0 on") }
        guard count <= GrammarLimits.repetitions else {
            throw GrammarError(.limit, "\(path): \(keyword) above \(GrammarLimits.repetitions)")
        }
        return count
    }

    /// Two bounds of a count.
    private func counts(
        _ least: String, _ most: String, _ schema: SchemaValue, _ path: String
    ) throws(GrammarError) -> (least: Int, most: Int?) {
        let low = try count(least, schema, path) ?? 0
        let high = try count(most, schema, path)
        if let high, high < low { throw GrammarError(.unsatisfiable, "\(path): \(least) is above \(most)") }
        return (low, high)
    }

    // MARK: Strings

    private static let formats = [
        "date": #"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"#,
        "time": #"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"#,
        "uuid": #"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"#,
    ]

    private mutating func string(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        let (least, most) = try counts("minLength", "maxLength", schema, path)
        let hasLength = schema["minLength"] != nil || schema["maxLength"] != nil
        let pattern: String
        switch (schema["pattern"], schema["format"]) {
        case (nil, nil): return try json.string(least, most)
        case (_?, _?): throw Self.unsupported("pattern together with format", path)
        case (.string(let text)?, nil): pattern = text
        case (nil, .string("date-time")?):
            pattern = "^" + (Self.formats["date"] ?? "") + "T" + (Self.formats["time"] ?? "") + "$"
        case (nil, .string(let name)?):
            guard let known = Self.formats[name] else { throw Self.unsupported("the format \(name.prefix(64))", path) }
            pattern = "^\(known)$"
        default: throw Self.invalid(path, "pattern and format need a text")
        }
        if hasLength { throw Self.unsupported("minLength or maxLength together with pattern or format", path) }
        if let known = patterns[pattern] { return known }
        patternBytes += pattern.utf8.count
        guard patternBytes <= GrammarLimits.patternBytes else {
            throw GrammarError(.limit, "\(path): patterns with more than \(GrammarLimits.patternBytes) bytes in all")
        }
        let alternatives: [RegexParser.Alternative]
        do {
            alternatives = try RegexParser.parse(pattern)
        } catch {
            throw GrammarError(error.code, "\(path): \(error.message)")
        }
        var characters: [ScalarSet: Expression] = [:]
        for alternative in alternatives {
            for set in alternative.expression.scalarSets where characters[set] == nil {
                characters[set] = JSONRules.character(of: set)
            }
        }
        let any = Expression.many(JSONRules.character(of: .all))
        let parts = alternatives.map { alternative in
            let body = alternative.expression.replacingScalars { characters[$0] ?? .never }
            return Expression.sequence(
                (alternative.isAnchoredAtStart ? [] : [any]) + [body] + (alternative.isAnchoredAtEnd ? [] : [any]))
        }
        let rule = try json.rules.shared("pattern", .sequence([JSONRules.quote, .choice(parts), JSONRules.quote]))
        patterns[pattern] = rule
        return rule
    }

    // MARK: Arrays

    private mutating func array(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        if let unique = schema["uniqueItems"], unique != .bool(false) { throw Self.unsupported("uniqueItems", path) }
        let (least, most) = try counts("minItems", "maxItems", schema, path)
        guard let prefix = schema["prefixItems"] else {
            let element = try expression(schema["items"] ?? .bool(true), path + "/items")
            return try json.list("[", element, least, most, "]")
        }
        guard case .array(let schemas) = prefix else { throw Self.invalid(path, "prefixItems needs a list of schemas") }
        var parts: [Expression] = []
        for (index, item) in schemas.enumerated() where index < most ?? .max {
            if index > 0 { parts.append(try json.comma()) }
            parts.append(try expression(item, "\(path)/prefixItems/\(index)"))
        }
        // Without a word about further elements there are none, unless minItems asks for them.
        let rest = schema["items"] ?? .bool(least > schemas.count)
        if rest != .bool(false), most ?? .max > schemas.count {
            let more = try json.rules.shared("element", try expression(rest, path + "/items"))
            guard !parts.isEmpty else { return try json.list("[", more, least, most, "]") }
            parts.append(
                .repeated(
                    .sequence([try json.comma(), more]), max(0, least - schemas.count), most.map { $0 - schemas.count })
            )
        } else if least > schemas.count {
            throw GrammarError(.unsatisfiable, "\(path): minItems asks for more elements than there may be")
        }
        guard !parts.isEmpty else { return .text("[]") }
        return .sequence([.text("["), try json.space()] + parts + [try json.space(), .text("]")])
    }
}
