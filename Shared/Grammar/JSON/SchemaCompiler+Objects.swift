/// Objects: properties in the order of the schema, others after them.
extension SchemaCompiler {
    mutating func object(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        var properties: [SchemaValue.Member] = []
        switch schema["properties"] {
        case nil: break
        case .object(let members)?: properties = members
        default: throw Self.invalid(path, "properties needs an object")
        }
        let required = try required(schema, path)
        // As most writers of schemas mean it, an object with properties has no others unless it says so.
        let others = schema["additionalProperties"] ?? .bool(properties.isEmpty && required.isEmpty)
        for name in required where !properties.contains(where: { $0.key == name }) {
            properties.append(
                SchemaValue.Member(key: name, value: schema["additionalProperties"] ?? .bool(true)))
        }
        guard properties.count <= GrammarLimits.properties else {
            throw GrammarError(.limit, "\(path): more than \(GrammarLimits.properties) properties")
        }
        var pairs: [(pair: Expression, isRequired: Bool)] = []
        let names = Set(required)
        for property in properties {
            let value = try expression(property.value, "\(path)/properties/\(property.key.prefix(64))")
            let key = Expression.text(SchemaValue.quoted(property.key))
            let pair = try json.rules.add("property", .sequence([key, json.colon, value]))
            pairs.append((pair, names.contains(property.key)))
        }
        var other: Expression?
        if others != .bool(false) {
            let value = try expression(others, path + "/additionalProperties")
            let key = try json.key(except: properties.map(\.key))
            other = try json.rules.add("other property", .sequence([key, json.colon, value]))
        }
        if pairs.isEmpty {
            guard let other else { return .text("{}") }
            return try json.list("{", other, 0, nil, "}")
        }
        return try object(pairs, other)
    }

    private func required(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> [String] {
        guard let list = schema["required"] else { return [] }
        guard case .array(let elements) = list else { throw Self.invalid(path, "required needs a list of names") }
        var names: [String] = []
        var known: Set<String> = []
        for element in elements {
            guard case .string(let name) = element else { throw Self.invalid(path, "required needs a list of names") }
            if known.insert(name).inserted { names.append(name) }
        }
        return names
    }

    private mutating func object(
        _ pairs: [(pair: Expression, isRequired: Bool)], _ other: Expression?
    ) throws(GrammarError) -> Expression {
        let comma = try json.comma()
        let space = try json.space()
        // `rests[i]` is what may follow a pair: those from `i` on, each with its comma, and the end.
        let end = Expression.sequence([space, .text("}")])
        let more = other.map { Expression.sequence([.many(.sequence([comma, $0])), end]) } ?? end
        var rest = try json.rules.add("end of object", more)
        var firsts: [Expression] = []
        if let other { firsts.append(.sequence([other, rest])) }
        var mayBeEmpty = true
        for (pair, isRequired) in pairs.reversed() {
            if isRequired {
                firsts = []
                mayBeEmpty = false
            }
            firsts.append(.sequence([pair, rest]))
            let next = Expression.sequence([comma, pair])
            rest = try json.rules.add("rest of object", .sequence([isRequired ? next : .optional(next), rest]))
        }
        let filled = Expression.sequence([space, .choice(firsts.reversed())])
        return .sequence([.text("{"), mayBeEmpty ? .choice([filled, .text("}")]) : filled])
    }
}
