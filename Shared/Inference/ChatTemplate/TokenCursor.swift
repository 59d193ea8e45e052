/// The tokens of a template, read from front to back, and how deep the parser has recursed.
struct TokenCursor {
    private let tokens: [TemplateToken]
    private var index = 0
    private var depth = 0

    init(_ tokens: [TemplateToken]) { self.tokens = tokens }

    var current: TemplateToken { index < tokens.count ? tokens[index] : .end }
    var following: TemplateToken { index + 1 < tokens.count ? tokens[index + 1] : .end }

    /// How many tokens were read.
    var position: Int { index }

    /// Whether a token was read since a position.
    func contains(_ token: TemplateToken, since start: Int) -> Bool {
        tokens[min(start, tokens.count)..<min(index, tokens.count)].contains(token)
    }

    mutating func advance() { index += 1 }

    /// Steps over a token if it is there.
    mutating func take(_ token: TemplateToken) -> Bool {
        guard current == token else { return false }
        index += 1
        return true
    }

    mutating func takeSymbol(_ symbol: String) -> Bool { take(.symbol(symbol)) }
    mutating func takeName(_ name: String) -> Bool { take(.name(name)) }

    mutating func expect(_ token: TemplateToken) throws {
        guard take(token) else { throw unexpected("expected \(token)") }
    }

    mutating func expectName() throws -> String {
        guard case .name(let name) = current else { throw unexpected("expected a name") }
        index += 1
        return name
    }

    func unexpected(_ what: String) -> InferenceError {
        InferenceError(.template, "\(what), found \(current) (token \(index))")
    }

    /// Parses something inside something else.
    mutating func nested<Result>(_ parse: (inout Self) throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateLimits.parseDepth else {
            throw InferenceError(.template, "the template is nested too deep")
        }
        return try parse(&self)
    }
}
