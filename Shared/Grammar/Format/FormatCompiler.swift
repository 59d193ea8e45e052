/// Makes rules of a format: texts, control tokens and schemas put together.
///
/// A format is a JSON object with one of these keys:
///
/// | key | value | stands for |
/// |---|---|---|
/// | `text` | text | exactly this text |
/// | `token` | text | the control token of this name |
/// | `json_schema` | schema | JSON that the schema describes; references stay within it |
/// | `regex` | text | what this regular expression matches as a whole |
/// | `sequence` | formats | all of them, in turn |
/// | `choice` | formats | one of them |
/// | `list` | `of`, `separator`, `least`, `most` | one format several times, with a text between |
/// | `text_without` | text | any text in which this one does not occur; its first character occurs in it only once |
struct FormatCompiler {
    private var json = JSONRules(.bounded)
    private var depth = 0

    /// The rules for a format and the number of the first.
    static func compile(_ format: SchemaValue) throws(GrammarError) -> (RuleSet, root: Int) {
        var compiler = FormatCompiler()
        let root = try compiler.json.rules.reserve("format")
        compiler.json.rules.define(root, try compiler.expression(format))
        return (compiler.json.rules, root)
    }

    private mutating func expression(_ format: SchemaValue) throws(GrammarError) -> Expression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= GrammarLimits.depth else { throw GrammarError(.limit, "formats are nested too deep") }
        guard case .object(let members) = format, members.count == 1 else {
            throw GrammarError(.invalid, "a format is an object with one key")
        }
        switch (members[0].key, members[0].value) {
        case ("text", .string(let text)): return .text(text)
        case ("token", .string(let name)) where !name.isEmpty: return .bytes(GrammarVocabulary.controlBytes(name))
        case ("regex", .string(let pattern)): return .choice(try RegexParser.parse(pattern).map(\.expression))
        case ("json_schema", let schema):
            try schema.checkSize()
            return try SchemaCompiler.append(schema, to: &json)
        case ("sequence", .array(let parts)): return .sequence(try expressions(parts))
        case ("choice", .array(let parts)) where !parts.isEmpty: return .choice(try expressions(parts))
        case ("list", let list): return try self.list(list)
        case ("text_without", .string(let text)): return try textWithout(text)
        case (let key, _): throw GrammarError(.invalid, "a format has no \(key.prefix(64)) of this kind")
        }
    }

    private mutating func expressions(_ parts: [SchemaValue]) throws(GrammarError) -> [Expression] {
        var result: [Expression] = []
        for part in parts { result.append(try expression(part)) }
        return result
    }

    private mutating func list(_ list: SchemaValue) throws(GrammarError) -> Expression {
        guard let part = list["of"] else { throw GrammarError(.invalid, "a list needs a format in of") }
        let least = list["least"]?.count ?? 0
        let most = list["most"]?.count
        guard least <= most ?? .max, max(least, most ?? 0) <= GrammarLimits.repetitions else {
            throw GrammarError(.invalid, "a list has no possible length")
        }
        let item = try json.rules.shared("item", try expression(part))
        var separator = Expression.empty
        if case .string(let text) = list["separator"] { separator = .text(text) }
        if most == 0 { return .empty }
        let more = Expression.repeated(.sequence([separator, item]), max(0, least - 1), most.map { $0 - 1 })
        let filled = Expression.sequence([item, more])
        return least > 0 ? filled : .optional(filled)
    }

    /// Every place where the text begins is followed by something that does not go on with it. Since its first character does
    /// not come again in it, another beginning is never part of one before.
    private func textWithout(_ text: String) throws(GrammarError) -> Expression {
        let scalars = text.unicodeScalars.map(\.value)
        guard let first = scalars.first, scalars.dropFirst().allSatisfy({ $0 != first }) else {
            throw GrammarError(.unsupported, "text_without: the first character must not come again")
        }
        func bytes(_ count: Int) -> Expression { .bytes(scalars.prefix(count).flatMap(ScalarSet.encode)) }
        let beginning = Expression.choice((1..<max(2, scalars.count)).map(bytes))
        let beginnings = scalars.count > 1 ? Expression.many(beginning) : .empty
        let other = Expression.scalars(ScalarSet([first]).inverted)
        let broken = (1..<max(1, scalars.count)).map { count -> Expression in
            let rest = ScalarSet([first, scalars[count]]).inverted
            return .sequence([beginnings, bytes(count), .scalars(rest)])
        }
        return .sequence([.many(.choice([other] + broken)), beginnings])
    }
}

extension CompiledGrammar {
    /// Texts, control tokens and schemas put together: see `FormatCompiler` for the JSON that says how.
    public static func format(_ text: String) throws(GrammarError) -> CompiledGrammar {
        let (rules, root) = try FormatCompiler.compile(try SchemaReader.parse(text))
        return try CompiledGrammar(rules, root: root)
    }
}
