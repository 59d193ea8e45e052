/// Parses names, literals, calls, subscripts, filters and tests.
enum PrimaryParser {
    static func parse(_ cursor: inout TokenCursor) throws -> Expression {
        var result = try parseAtom(&cursor)
        while true {
            if cursor.takeSymbol(".") {
                if case .int(let index) = cursor.current {
                    cursor.advance()
                    result = try Expression(.item(result, try Expression(.literal(.int(index)))), [result])
                } else {
                    result = try Expression(.attribute(result, try cursor.expectName()), [result])
                }
            } else if cursor.takeSymbol("[") {
                result = try parseSubscript(&cursor, of: result)
            } else if cursor.current == .symbol("(") {
                let arguments = try parseArguments(&cursor)
                result = try Expression(.call(result, arguments), [result] + arguments.all)
            } else {
                return result
            }
        }
    }

    static func parseFilter(_ cursor: inout TokenCursor, of operand: Expression) throws -> Expression {
        let name = try cursor.expectName()
        let arguments = cursor.current == .symbol("(") ? try parseArguments(&cursor) : Arguments()
        return try Expression(.filter(operand, name, arguments), [operand] + arguments.all)
    }

    static func parseTest(_ cursor: inout TokenCursor, of operand: Expression) throws -> Expression {
        let isNegated = cursor.takeName("not")
        let name = try cursor.expectName()
        var arguments = Arguments()
        if cursor.current == .symbol("(") {
            arguments = try parseArguments(&cursor)
        } else if startsArgument(cursor.current) {
            arguments.positional = [try parse(&cursor)]
        }
        return try Expression(.test(operand, name, arguments, isNegated: isNegated), [operand] + arguments.all)
    }

    static func parseArguments(_ cursor: inout TokenCursor) throws -> Arguments {
        try cursor.expect(.symbol("("))
        var arguments = Arguments()
        while !cursor.takeSymbol(")") {
            if case .name(let name) = cursor.current, cursor.following == .symbol("=") {
                cursor.advance()
                cursor.advance()
                arguments.named.append((name, try ExpressionParser.parse(&cursor)))
            } else {
                arguments.positional.append(try ExpressionParser.parse(&cursor))
            }
            if !cursor.takeSymbol(","), cursor.current != .symbol(")") { throw cursor.unexpected("expected , or )") }
        }
        return arguments
    }

    /// An argument of a test may come without brackets.
    private static func startsArgument(_ token: TemplateToken) -> Bool {
        switch token {
        case .string, .int, .double, .symbol("["): true
        case .name(let name): !["else", "or", "and", "is", "in", "not", "if", "recursive"].contains(name)
        default: false
        }
    }

    private static func parseSubscript(_ cursor: inout TokenCursor, of base: Expression) throws -> Expression {
        var parts: [Expression?] = []
        var isSlice = false
        var part: Expression?
        while !cursor.takeSymbol("]") {
            if cursor.takeSymbol(":") {
                isSlice = true
                parts.append(part)
                part = nil
            } else if part == nil {
                part = try ExpressionParser.parse(&cursor)
            } else {
                throw cursor.unexpected("expected ]")
            }
        }
        parts.append(part)
        guard isSlice else {
            guard let index = part else { throw cursor.unexpected("expected an index") }
            return try Expression(.item(base, index), [base, index])
        }
        guard parts.count <= 3 else { throw cursor.unexpected("a slice has at most three parts") }
        parts += Array(repeating: nil, count: 3 - parts.count)
        return try Expression(.slice(base, parts[0], parts[1], parts[2]), [base] + parts)
    }

    private static func parseAtom(_ cursor: inout TokenCursor) throws -> Expression {
        let token = cursor.current
        switch token {
        case .string(var text):
            cursor.advance()
            while case .string(let more) = cursor.current {
                text += more
                cursor.advance()
            }
            return try Expression(.literal(.template(text)))
        case .int(let value):
            cursor.advance()
            return try Expression(.literal(.int(value)))
        case .double(let value):
            cursor.advance()
            return try Expression(.literal(.double(value)))
        case .name(let name):
            cursor.advance()
            return try Expression(constants[name].map { .literal($0) } ?? .name(name))
        case .symbol("("):
            cursor.advance()
            if cursor.takeSymbol(")") { return try Expression(.tuple([])) }
            let inner = try ExpressionParser.parseTuple(&cursor)
            try cursor.expect(.symbol(")"))
            return inner
        case .symbol("["):
            cursor.advance()
            let items = try parseItems(&cursor)
            return try Expression(.list(items), items)
        case .symbol("{"):
            cursor.advance()
            return try parseMap(&cursor)
        default:
            throw cursor.unexpected("expected an expression")
        }
    }

    private static let constants: [String: Value] = [
        "true": .bool(true), "True": .bool(true), "false": .bool(false), "False": .bool(false), "none": .none,
        "None": .none,
    ]

    private static func parseItems(_ cursor: inout TokenCursor) throws -> [Expression] {
        var items: [Expression] = []
        while !cursor.takeSymbol("]") {
            items.append(try ExpressionParser.parse(&cursor))
            if !cursor.takeSymbol(","), cursor.current != .symbol("]") { throw cursor.unexpected("expected , or ]") }
        }
        return items
    }

    private static func parseMap(_ cursor: inout TokenCursor) throws -> Expression {
        var members: [(Expression, Expression)] = []
        while !cursor.takeSymbol("}") {
            let key = try ExpressionParser.parse(&cursor)
            try cursor.expect(.symbol(":"))
            members.append((key, try ExpressionParser.parse(&cursor)))
            if !cursor.takeSymbol(","), cursor.current != .symbol("}") { throw cursor.unexpected("expected , or }") }
        }
        return try Expression(.map(members), members.flatMap { [$0.0, $0.1] })
    }
}
