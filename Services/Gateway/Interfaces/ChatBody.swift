/// A body of `/v1/chat/completions` that is made of another one: fields with another name or form are taken out and put in
/// again, the others pass, so that what is not supported is refused in one place.
struct ChatBody {
    private let rest: [JSONValue.Member]
    private var taken: Set<String> = []
    private var made: [JSONValue.Member] = []

    /// Takes what is left of a body.
    ///
    /// - Throws: 400 for what asks for more than one choice, or for something that the answer has no place for.
    init(_ body: JSONValue) throws(APIError) {
        let fields = try RequestFields(body)
        for name in ["n", "best_of"] {
            if let count = try fields.int(name, in: 1...Int.max), count != 1 { throw APIError.unsupported(name) }
        }
        for name in ["logprobs", "top_logprobs", "echo", "include_stop_str_in_output"] {
            guard let value = fields.value(name), value != .bool(false), value.double != 0 else { continue }
            throw APIError.unsupported(name)
        }
        rest = body.members ?? []
        take("n", "best_of", "logprobs", "top_logprobs", "echo", "include_stop_str_in_output")
    }

    /// Takes fields out.
    mutating func take(_ names: String...) { taken.formUnion(names) }

    /// Puts a field in, in place of the client's own; `nil` puts in nothing.
    mutating func put(_ name: String, _ value: JSONValue?) {
        taken.insert(name)
        if let value { made.append(JSONValue.Member(key: name, value: value)) }
    }

    /// The body.
    var json: JSONValue { .object(made + rest.filter { !taken.contains($0.key) }) }
}

extension FinishedCall {
    /// The arguments as an object. What is none, because it was cut or miswritten, stands in `raw_arguments`.
    var object: JSONValue {
        if arguments.isEmpty { return .object([]) }
        if let parsed = try? JSONParser.parse(Array(arguments.utf8)), parsed.members != nil { return parsed }
        return ["raw_arguments": .string(arguments)]
    }
}
