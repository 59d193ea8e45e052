/// Makes rules of a JSON Schema. What it does not know it refuses, with the path of the schema in which it stands.
struct SchemaCompiler {
    var json: JSONRules
    private let root: SchemaValue
    /// The rules of schemas that were referred to, by pointer.
    private var referred: [String: Expression] = [:]
    /// The rules of patterns and of bounds of numbers.
    var patterns: [String: Expression] = [:]
    var patternBytes = 0
    var ranges: [String: Expression] = [:]
    private var schemas = 0
    private var depth = 0

    /// Keywords that say nothing about the text.
    static let annotations: Set<String> = [
        "title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "$defs", "definitions",
        "deprecated", "readOnly", "writeOnly",
    ]

    /// The rules for a schema and the number of the first.
    static func compile(
        _ schema: SchemaValue, whitespace: JSONWhitespace
    ) throws(GrammarError) -> (RuleSet, root: Int) {
        var compiler = SchemaCompiler(json: JSONRules(whitespace), root: schema)
        let root = try compiler.json.rules.reserve("root")
        compiler.referred["#"] = .rule(root)
        compiler.json.rules.define(root, try compiler.expression(schema, "#"))
        return (compiler.json.rules, root)
    }

    /// The expression for a schema whose rules are added to those of other parts.
    static func append(_ schema: SchemaValue, to json: inout JSONRules) throws(GrammarError) -> Expression {
        var compiler = SchemaCompiler(json: json, root: schema)
        let root = try compiler.json.rules.reserve("schema")
        compiler.referred["#"] = .rule(root)
        compiler.json.rules.define(root, try compiler.expression(schema, "#"))
        json = compiler.json
        return .rule(root)
    }

    private init(json: JSONRules, root: SchemaValue) {
        self.json = json
        self.root = root
    }

    static func unsupported(_ keyword: String, _ path: String, _ why: String = "") -> GrammarError {
        GrammarError(.unsupported, "\(path): \(keyword) is not supported\(why.isEmpty ? "" : " \(why)")")
    }

    static func invalid(_ path: String, _ what: String) -> GrammarError {
        GrammarError(.invalid, "\(path): \(what)")
    }

    private mutating func enter(_ path: String) throws(GrammarError) {
        schemas += 1
        guard schemas <= GrammarLimits.schemas else {
            throw GrammarError(
                .limit, "more than \(GrammarLimits.schemas) schemas, those that are merged counted again")
        }
        guard depth <= GrammarLimits.depth else {
            throw GrammarError(.limit, "\(path.prefix(128)): schemas more than \(GrammarLimits.depth) levels deep")
        }
    }

    /// The expression for values of a schema.
    mutating func expression(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        depth += 1
        try enter(path)
        defer { depth -= 1 }
        switch schema {
        case .bool(true): return try json.value()
        case .bool(false): return .never
        case .object(let members):
            return try expression(members.filter { !Self.annotations.contains($0.key) }, path)
        default: throw Self.invalid(path, "a schema is an object or a boolean")
        }
    }

    private mutating func expression(
        _ members: [SchemaValue.Member], _ path: String
    ) throws(GrammarError) -> Expression {
        guard !members.isEmpty else { return try json.value() }
        if members.count == 1, members[0].key == "$ref" { return try reference(members[0].value, path) }
        let combined = members.first { ["$ref", "allOf", "anyOf", "oneOf"].contains($0.key) }
        guard let combined else { return try plain(.object(members), path) }
        let others = members.filter { $0.key != combined.key }
        if combined.key == "allOf" || combined.key == "$ref" {
            let merged = try self.merged(.object(members), path)
            return try expression(merged, path)
        }
        guard case .array(let options) = combined.value, !options.isEmpty else {
            throw Self.invalid(path, "\(combined.key) needs a list of schemas")
        }
        var parts: [Expression] = []
        for (index, option) in options.enumerated() {
            let place = "\(path)/\(combined.key)/\(index)"
            let schema = others.isEmpty ? option : try merged(.object(others), option, place)
            parts.append(try expression(schema, place))
        }
        return .choice(parts)
    }

    // MARK: References

    private func target(_ value: SchemaValue, _ path: String) throws(GrammarError) -> (pointer: String, SchemaValue) {
        guard case .string(let pointer) = value else { throw Self.invalid(path, "$ref needs a text") }
        guard pointer == "#" || pointer.hasPrefix("#/") else {
            throw Self.unsupported("$ref to \(pointer.prefix(128))", path, "(only pointers within the schema, #/…)")
        }
        var found = root
        for step in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let name = Self.unescaped(step)
            if case .array(let elements) = found, let index = Int(name), elements.indices.contains(index) {
                found = elements[index]
            } else if let next = found[name] {
                found = next
            } else {
                throw Self.invalid(path, "$ref to \(pointer.prefix(128)), which is not there")
            }
        }
        return (pointer, found)
    }

    /// A step of a pointer: percent signs of the address first, then tildes.
    private static func unescaped(_ step: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(step.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "~"), rest.first == UInt8(ascii: "1") || rest.first == UInt8(ascii: "0") {
                bytes.append(UInt8(ascii: rest.removeFirst() == UInt8(ascii: "1") ? "/" : "~"))
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func reference(_ value: SchemaValue, _ path: String) throws(GrammarError) -> Expression {
        let (pointer, schema) = try target(value, path)
        if let known = referred[pointer] { return known }
        let rule = try json.rules.reserve(pointer)
        referred[pointer] = .rule(rule)
        json.rules.define(rule, try expression(schema, pointer))
        return .rule(rule)
    }

    // MARK: Merging

    /// A schema without `allOf` and `$ref` at its top.
    private mutating func merged(_ schema: SchemaValue, _ path: String) throws(GrammarError) -> SchemaValue {
        depth += 1
        try enter(path)
        defer { depth -= 1 }
        guard case .object(let members) = schema else { return schema }
        var result = SchemaValue.object(
            members.filter { !Self.annotations.contains($0.key) && $0.key != "allOf" && $0.key != "$ref" })
        if let reference = schema["$ref"] {
            let (pointer, target) = try target(reference, path)
            result = try SchemaMerge.merge(result, try merged(target, pointer), path)
        }
        if let all = schema["allOf"] {
            guard case .array(let parts) = all, !parts.isEmpty else {
                throw Self.invalid(path, "allOf needs a list of schemas")
            }
            for (index, part) in parts.enumerated() {
                result = try SchemaMerge.merge(result, try merged(part, "\(path)/allOf/\(index)"), path)
            }
        }
        return result
    }

    private mutating func merged(
        _ first: SchemaValue, _ second: SchemaValue, _ path: String
    ) throws(GrammarError) -> SchemaValue {
        try SchemaMerge.merge(try merged(first, path), try merged(second, path), path)
    }
}
