import Grammar

/// Formats of arguments in notations that are no JSON.
struct ArgumentFormat {
    /// Something in a schema that the notation cannot say.
    struct Refused: Error {
        var what: String
    }

    /// Deepest nesting of values.
    static let mostLevels = 8
    private static let remarks: Set<String> = [
        "title", "description", "default", "examples", "deprecated", "$schema", "$id", "$comment", "$defs",
        "definitions",
    ]

    /// What stands around texts of Gemma.
    var quote: JSONValue = .object([])
    /// Whether what cannot be said is an error; else it is left open.
    var isStrict = false

    private func text(_ text: String) -> JSONValue { ["text": .string(text)] }

    private func refuse(_ what: String) throws(Refused) {
        if isStrict { throw Refused(what: what) }
    }

    private func check(_ schema: JSONValue, knows keys: Set<String>) throws(Refused) {
        for member in schema.members ?? [] where !keys.contains(member.key) && !Self.remarks.contains(member.key) {
            try refuse(member.key)
        }
    }

    // MARK: Gemma

    /// A value of Gemma's notation.
    func value(_ schema: JSONValue?, level: Int = 0) throws(Refused) -> JSONValue {
        guard level < Self.mostLevels else { throw Refused(what: "more than \(Self.mostLevels) levels") }
        guard let schema, schema.members?.isEmpty == false else { return any }
        if let options = schema["enum"]?.elements ?? schema["const"].map({ [$0] }) {
            try check(schema, knows: ["enum", "const", "type"])
            var literals: [JSONValue] = []
            for option in options { literals.append(try literal(option)) }
            return ["choice": .array(literals)]
        }
        if let options = (schema["anyOf"] ?? schema["oneOf"])?.elements {
            try check(schema, knows: ["anyOf", "oneOf"])
            var formats: [JSONValue] = []
            for option in options { formats.append(try value(option, level: level + 1)) }
            return ["choice": .array(formats)]
        }
        let types = schema["type"]?.elements?.compactMap(\.text) ?? schema["type"]?.text.map { [$0] } ?? []
        guard !types.isEmpty else {
            try check(schema, knows: [])
            return any
        }
        var formats: [JSONValue] = []
        var known: Set<String> = ["type"]
        for type in types { formats.append(try value(schema, of: type, level, &known)) }
        try check(schema, knows: known)
        return ["choice": .array(formats)]
    }

    private func value(
        _ schema: JSONValue, of type: String, _ level: Int, _ known: inout Set<String>
    ) throws(Refused) -> JSONValue {
        switch type {
        case "string": return quoted(["regex": "[^<]*"])
        case "integer": return ["regex": "-?(0|[1-9][0-9]{0,14})"]
        case "number": return ["regex": #"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?"#]
        case "boolean": return ["regex": "true|false"]
        case "null": return text("null")
        case "array":
            known.formUnion(["items", "minItems", "maxItems"])
            var list: [JSONValue.Member] = [
                .init(key: "of", value: try value(schema["items"], level: level + 1)),
                .init(key: "separator", value: ","),
            ]
            if let least = schema["minItems"] { list.append(.init(key: "least", value: least)) }
            if let most = schema["maxItems"] { list.append(.init(key: "most", value: most)) }
            return ["sequence": [text("["), ["list": .object(list)], text("]")]]
        case "object":
            known.formUnion(["properties", "required", "additionalProperties"])
            return ["sequence": [text("{"), try members(schema, level: level + 1), text("}")]]
        default: throw Refused(what: "type \(type)")
        }
    }

    /// What stands between the braces of an object: its properties in their order, those that are not required or not.
    func members(_ schema: JSONValue?, level: Int = 0) throws(Refused) -> JSONValue {
        let properties = schema?["properties"]?.members ?? []
        if let schema { try check(schema, knows: ["type", "properties", "required", "additionalProperties"]) }
        guard !properties.isEmpty else {
            let argument: JSONValue = ["sequence": [["regex": "[A-Za-z_][A-Za-z0-9_]*"], text(":"), any]]
            let isClosed = schema?["additionalProperties"] == .bool(false)
            return isClosed ? ["sequence": []] : ["list": ["of": argument, "separator": ","]]
        }
        let required = Set((schema?["required"]?.elements ?? []).compactMap(\.text))
        var first: JSONValue = ["sequence": []]
        var rest: JSONValue = ["sequence": []]
        for property in properties.reversed() {
            guard Self.isPlain(property.key) else { throw Refused(what: "the name \(property.key.prefix(64))") }
            let argument: JSONValue = [
                "sequence": [text(property.key + ":"), try value(property.value, level: level)]
            ]
            let here: JSONValue = ["sequence": [argument, rest]]
            let isRequired = required.contains(property.key)
            first = isRequired ? here : ["choice": [here, first]]
            let next: JSONValue = ["sequence": [text(","), here]]
            rest = isRequired ? next : ["choice": [next, rest]]
        }
        return first
    }

    /// Whether a name can stand without quotes.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.contains { ":,{}[]<>\"".contains($0) || $0.isWhitespace }
    }

    private func quoted(_ piece: JSONValue) -> JSONValue { ["sequence": [quote, piece, quote]] }

    private func literal(_ value: JSONValue) throws(Refused) -> JSONValue {
        if let string = value.text {
            guard !string.contains("<") else { throw Refused(what: "a text with <") }
            return quoted(text(string))
        }
        guard value.elements == nil, value.members == nil else { throw Refused(what: "enum of arrays or objects") }
        return text(value.written)
    }

    /// Any text, number, flag, nothing, or a list of them.
    private var any: JSONValue {
        let plain: JSONValue = [
            "choice": [
                quoted(["regex": "[^<]*"]),
                ["regex": #"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?|true|false|null"#],
            ]
        ]
        let list: JSONValue = ["sequence": [text("["), ["list": ["of": plain, "separator": ","]], text("]")]]
        return ["choice": [plain, list]]
    }

    // MARK: Tags

    /// Arguments between tags; `write` puts the tags around the value of a name.
    func tagged(
        _ schema: JSONValue?, end mark: String, write: (JSONValue, JSONValue) -> JSONValue
    ) throws(Refused) -> JSONValue {
        let anything: JSONValue = ["json_schema": .object([])]
        let properties = schema?["properties"]?.members ?? []
        if let schema {
            try check(schema, knows: ["type", "properties", "required", "additionalProperties"])
        }
        guard !properties.isEmpty else {
            let isClosed = schema?["additionalProperties"] == .bool(false)
            return isClosed
                ? ["sequence": []] : ["list": ["of": write(["regex": "[A-Za-z_][A-Za-z0-9_]*"], anything)]]
        }
        let required = Set((schema?["required"]?.elements ?? []).compactMap(\.text))
        var parts: [JSONValue] = []
        for property in properties {
            guard Self.isPlain(property.key) else { throw Refused(what: "the name \(property.key.prefix(64))") }
            let part = write(text(property.key), try taggedValue(property.value, of: schema, end: mark))
            parts.append(required.contains(property.key) ? part : ["list": ["of": part, "most": 1]])
        }
        return ["sequence": .array(parts)]
    }

    private func taggedValue(
        _ schema: JSONValue, of root: JSONValue?, end mark: String
    ) throws(Refused) -> JSONValue {
        guard Self.isText(schema) else {
            var whole = schema
            for key in ["$defs", "definitions"] {
                if let shared = root?[key], schema.members != nil, schema[key] == nil {
                    whole = whole.adding(.object([.init(key: key, value: shared)]))
                }
            }
            do {
                _ = try CompiledGrammar.jsonSchema(text: whole.written)
                return ["json_schema": whole]
            } catch {
                try refuse(error.message)
                return ["json_schema": .object([])]
            }
        }
        if let options = schema["enum"]?.elements ?? schema["const"].map({ [$0] }) {
            let texts = options.compactMap(\.text)
            guard !texts.contains(where: { $0.contains(mark) }) else { throw Refused(what: "a text with \(mark)") }
            return ["choice": .array(texts.map(text))]
        }
        try check(schema, knows: ["type"])
        return ["text_without": .string(mark)]
    }

    /// Whether a value is a text in any case, and so written without quotes.
    static func isText(_ schema: JSONValue) -> Bool {
        if let options = schema["enum"]?.elements ?? schema["const"].map({ [$0] }) {
            return !options.isEmpty && options.allSatisfy { $0.text != nil }
        }
        return schema["type"] == "string"
    }
}

extension ToolUse {
    /// Arguments of each function that are texts in any case.
    var texts: [String: Set<String>] {
        var result: [String: Set<String>] = [:]
        for tool in definitions {
            let properties = tool.parameters?["properties"]?.members ?? []
            result[tool.name] = Set(properties.filter { ArgumentFormat.isText($0.value) }.map(\.key))
        }
        return result
    }
}
