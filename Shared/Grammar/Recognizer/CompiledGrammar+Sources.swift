/// What grammars are compiled from. Each throws a ``GrammarError`` that names what it does not accept.
extension CompiledGrammar {
    /// JSON that a schema describes.
    public static func jsonSchema(
        _ schema: SchemaValue, whitespace: JSONWhitespace = .bounded
    ) throws(GrammarError) -> CompiledGrammar {
        try schema.checkSize()
        let (rules, root) = try SchemaCompiler.compile(schema, whitespace: whitespace)
        return try CompiledGrammar(rules, root: root)
    }

    /// JSON that the text of a schema describes.
    public static func jsonSchema(
        text: String, whitespace: JSONWhitespace = .bounded
    ) throws(GrammarError) -> CompiledGrammar {
        try jsonSchema(try SchemaReader.parse(text), whitespace: whitespace)
    }

    /// Any JSON object.
    public static func jsonObject(whitespace: JSONWhitespace = .bounded) throws(GrammarError) -> CompiledGrammar {
        try jsonSchema(.object([.init(key: "type", value: .string("object"))]), whitespace: whitespace)
    }

    /// Texts of a grammar in GBNF, the notation of llama.cpp, from its rule `root` on.
    public static func gbnf(_ text: String) throws(GrammarError) -> CompiledGrammar {
        let (rules, root) = try GBNFParser.parse(text)
        return try CompiledGrammar(rules, root: root)
    }

    /// Texts that a regular expression matches as a whole.
    public static func regex(_ pattern: String) throws(GrammarError) -> CompiledGrammar {
        var rules = RuleSet()
        let root = try rules.reserve("pattern")
        rules.define(root, .choice(try RegexParser.parse(pattern).map(\.expression)))
        return try CompiledGrammar(rules, root: root)
    }

    /// One of some texts.
    public static func choice(_ texts: [String]) throws(GrammarError) -> CompiledGrammar {
        guard texts.reduce(0, { $0 + $1.utf8.count }) <= GrammarLimits.sourceBytes else {
            throw GrammarError(.limit, "choices of more than \(GrammarLimits.sourceBytes) bytes")
        }
        var rules = RuleSet()
        let root = try rules.reserve("choice")
        rules.define(root, .oneOf(texts.map { Array($0.utf8) }))
        return try CompiledGrammar(rules, root: root)
    }
}
