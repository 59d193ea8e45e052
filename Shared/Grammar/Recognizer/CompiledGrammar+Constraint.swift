public import Domain

extension CompiledGrammar {
    /// Compiles what a request asks for.
    public static func compile(_ constraint: SamplingConstraint) throws(GrammarError) -> CompiledGrammar {
        let text = constraint.text
        guard text.utf8.count <= min(SamplingConstraint.maximumBytes, GrammarLimits.sourceBytes) else {
            throw GrammarError(.limit, "more than \(GrammarLimits.sourceBytes) bytes")
        }
        switch constraint.kind {
        case .jsonSchema: return try jsonSchema(text: text)
        case .jsonObject: return try jsonObject()
        case .grammar: return try gbnf(text)
        case .regex: return try regex(text)
        case .choice:
            guard case .array(let elements) = try SchemaReader.parse(text), !elements.isEmpty else {
                throw GrammarError(.invalid, "choices are an array of texts that is not empty")
            }
            var texts: [String] = []
            for element in elements {
                guard case .string(let choice) = element else {
                    throw GrammarError(.invalid, "every choice is a text")
                }
                texts.append(choice)
            }
            return try choice(texts)
        case .format: return try format(text)
        }
    }
}
