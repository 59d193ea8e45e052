/// Parses the statements of a template.
enum StatementParser {
    static func parse(_ source: String) throws -> [Statement] {
        guard source.utf8.count <= TemplateLimits.sourceBytes else {
            throw InferenceError(.template, "the template is longer than \(TemplateLimits.sourceBytes) bytes")
        }
        var cursor = TokenCursor(try TemplateLexer.tokens(source))
        let (body, end) = try parseBody(&cursor, until: [])
        guard end == nil else { throw cursor.unexpected("unexpected end of a block") }
        return body
    }

    /// Statements up to a block of one of the names, whose name is stepped over and returned; `nil` at the end.
    private static func parseBody(
        _ cursor: inout TokenCursor, until ends: Set<String>
    ) throws -> ([Statement], String?) {
        try cursor.nested { cursor in
            var body: [Statement] = []
            while true {
                switch cursor.current {
                case .text(let text):
                    cursor.advance()
                    body.append(.text(text))
                case .outputStart:
                    cursor.advance()
                    body.append(.output(try ExpressionParser.parseTuple(&cursor)))
                    try cursor.expect(.outputEnd)
                case .blockStart:
                    cursor.advance()
                    let name = try cursor.expectName()
                    if ends.contains(name) { return (body, name) }
                    body += try parseBlock(&cursor, name)
                case .end where ends.isEmpty:
                    return (body, nil)
                default:
                    throw cursor.unexpected("expected text or a tag")
                }
            }
        }
    }

    /// Statements up to `{% name %}`, which is stepped over.
    private static func parseBody(_ cursor: inout TokenCursor, closedBy name: String) throws -> [Statement] {
        let (body, _) = try parseBody(&cursor, until: [name])
        // `endset x` and the like may repeat the name.
        if case .name = cursor.current { cursor.advance() }
        try cursor.expect(.blockEnd)
        return body
    }

    private static func parseBlock(_ cursor: inout TokenCursor, _ name: String) throws -> [Statement] {
        switch name {
        case "if": return [try parseIf(&cursor)]
        case "for": return [try parseFor(&cursor)]
        case "set": return [try parseSet(&cursor)]
        case "macro": return [try parseMacro(&cursor)]
        case "call": return [try parseCall(&cursor)]
        case "filter":
            let filters = try parseFilters(&cursor)
            try cursor.expect(.blockEnd)
            return [.filtered(filters, try parseBody(&cursor, closedBy: "endfilter"))]
        case "break", "continue":
            try cursor.expect(.blockEnd)
            return [name == "break" ? .breakLoop : .continueLoop]
        case "generation":
            // Marks the assistant's text for training; means nothing here.
            try cursor.expect(.blockEnd)
            return try parseBody(&cursor, closedBy: "endgeneration")
        default:
            throw InferenceError(.unsupported, "the tag \"\(name)\" is not supported")
        }
    }

    private static func parseIf(_ cursor: inout TokenCursor) throws -> Statement {
        var branches: [(condition: Expression?, body: [Statement])] = []
        var condition: Expression? = try ExpressionParser.parseTuple(&cursor)
        while true {
            try cursor.expect(.blockEnd)
            let (body, end) = try parseBody(&cursor, until: condition == nil ? ["endif"] : ["elif", "else", "endif"])
            branches.append((condition, body))
            switch end {
            case "elif": condition = try ExpressionParser.parseTuple(&cursor)
            case "else": condition = nil
            default:
                try cursor.expect(.blockEnd)
                return .branches(branches)
            }
        }
    }

    private static func parseFor(_ cursor: inout TokenCursor) throws -> Statement {
        let targets = try parseTargets(&cursor)
        guard cursor.takeName("in") else { throw cursor.unexpected("expected in") }
        let items = try ExpressionParser.parseOr(&cursor)
        let condition = cursor.takeName("if") ? try ExpressionParser.parse(&cursor) : nil
        try cursor.expect(.blockEnd)
        let (body, end) = try parseBody(&cursor, until: ["else", "endfor"])
        try cursor.expect(.blockEnd)
        let otherwise = end == "else" ? try parseBody(&cursor, closedBy: "endfor") : []
        return .loop(
            Statement.Loop(targets: targets, items: items, condition: condition, body: body, otherwise: otherwise))
    }

    private static func parseTargets(_ cursor: inout TokenCursor) throws -> [String] {
        let isBracketed = cursor.takeSymbol("(")
        var names = [try cursor.expectName()]
        while cursor.takeSymbol(",") { names.append(try cursor.expectName()) }
        if isBracketed { try cursor.expect(.symbol(")")) }
        return names
    }

    private static func parseSet(_ cursor: inout TokenCursor) throws -> Statement {
        let names = try parseTargets(&cursor)
        if cursor.takeSymbol(".") {
            let attribute = try cursor.expectName()
            try cursor.expect(.symbol("="))
            let value = try ExpressionParser.parseTuple(&cursor)
            try cursor.expect(.blockEnd)
            return .assignAttribute(names[0], attribute, value)
        }
        if cursor.current == .blockEnd || cursor.current == .symbol("|") {
            let filters = cursor.takeSymbol("|") ? try parseFilters(&cursor) : []
            try cursor.expect(.blockEnd)
            return .capture(names[0], filters, try parseBody(&cursor, closedBy: "endset"))
        }
        try cursor.expect(.symbol("="))
        let value = try ExpressionParser.parseTuple(&cursor)
        try cursor.expect(.blockEnd)
        return .assign(names, value)
    }

    private static func parseMacro(_ cursor: inout TokenCursor) throws -> Statement {
        let name = try cursor.expectName()
        let parameters = try parseParameters(&cursor)
        try cursor.expect(.blockEnd)
        let start = cursor.position
        let body = try parseBody(&cursor, closedBy: "endmacro")
        // As in Jinja, a macro takes more arguments than it names where it speaks of them.
        return .macro(
            Macro(
                name: name, parameters: parameters, body: body,
                takesMorePositional: cursor.contains(.name("varargs"), since: start),
                takesMoreNamed: cursor.contains(.name("kwargs"), since: start)))
    }

    private static func parseParameters(_ cursor: inout TokenCursor) throws -> [Macro.Parameter] {
        try cursor.expect(.symbol("("))
        var parameters: [Macro.Parameter] = []
        while !cursor.takeSymbol(")") {
            let parameter = try cursor.expectName()
            parameters.append((parameter, cursor.takeSymbol("=") ? try ExpressionParser.parse(&cursor) : nil))
            if !cursor.takeSymbol(","), cursor.current != .symbol(")") { throw cursor.unexpected("expected , or )") }
        }
        return parameters
    }

    /// `{% call(parameters) macro(arguments) %}`
    private static func parseCall(_ cursor: inout TokenCursor) throws -> Statement {
        let parameters = cursor.current == .symbol("(") ? try parseParameters(&cursor) : []
        guard case .call(let callee, let arguments) = try PrimaryParser.parse(&cursor).node else {
            throw cursor.unexpected("expected the call of a macro")
        }
        try cursor.expect(.blockEnd)
        let body = try parseBody(&cursor, closedBy: "endcall")
        return .call(callee, arguments, caller: Macro(name: "caller", parameters: parameters, body: body))
    }

    /// `name(arguments) | name | ...`
    private static func parseFilters(_ cursor: inout TokenCursor) throws -> [Statement.Filter] {
        var filters: [Statement.Filter] = []
        repeat {
            let name = try cursor.expectName()
            let arguments = cursor.current == .symbol("(") ? try PrimaryParser.parseArguments(&cursor) : Arguments()
            filters.append(Statement.Filter(name: name, arguments: arguments))
        } while cursor.takeSymbol("|")
        return filters
    }
}
