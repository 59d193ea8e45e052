/// Parses expressions; each function is a level of precedence.
enum ExpressionParser {
    /// A whole expression, a tuple without brackets included.
    static func parseTuple(_ cursor: inout TokenCursor) throws -> Expression {
        let first = try parse(&cursor)
        guard cursor.current == .symbol(",") else { return first }
        var items = [first]
        while cursor.takeSymbol(","), !isEnd(cursor.current) { items.append(try parse(&cursor)) }
        return try Expression(.tuple(items), items)
    }

    static func parse(_ cursor: inout TokenCursor) throws -> Expression {
        try cursor.nested { cursor in
            var result = try parseOr(&cursor)
            while cursor.takeName("if") {
                let condition = try parseOr(&cursor)
                let otherwise = cursor.takeName("else") ? try parse(&cursor) : nil
                result = try Expression(
                    .conditional(result, condition: condition, otherwise: otherwise), [result, condition, otherwise])
            }
            return result
        }
    }

    /// An expression without `if`, as in the head of a loop.
    static func parseOr(_ cursor: inout TokenCursor) throws -> Expression {
        var left = try parseAnd(&cursor)
        while cursor.takeName("or") { left = try binary(.or, left, try parseAnd(&cursor)) }
        return left
    }

    private static func isEnd(_ token: TemplateToken) -> Bool {
        [.outputEnd, .blockEnd, .symbol(")"), .symbol("="), .end].contains(token)
    }

    private static func parseAnd(_ cursor: inout TokenCursor) throws -> Expression {
        var left = try parseNot(&cursor)
        while cursor.takeName("and") { left = try binary(.and, left, try parseNot(&cursor)) }
        return left
    }

    private static func parseNot(_ cursor: inout TokenCursor) throws -> Expression {
        guard cursor.takeName("not") else { return try parseComparison(&cursor) }
        let operand = try cursor.nested(parseNot)
        return try Expression(.not(operand), [operand])
    }

    private static func parseComparison(_ cursor: inout TokenCursor) throws -> Expression {
        let first = try parseSum(&cursor)
        var rest: [(Comparison, Expression)] = []
        while let comparison = takeComparison(&cursor) { rest.append((comparison, try parseSum(&cursor))) }
        return rest.isEmpty ? first : try Expression(.comparison(first, rest), [first] + rest.map(\.1))
    }

    private static func takeComparison(_ cursor: inout TokenCursor) -> Comparison? {
        if case .symbol(let symbol) = cursor.current, let comparison = Comparison(rawValue: symbol) {
            cursor.advance()
            return comparison
        }
        if cursor.takeName("in") { return .isIn }
        if cursor.current == .name("not"), cursor.following == .name("in") {
            cursor.advance()
            cursor.advance()
            return .isNotIn
        }
        return nil
    }

    private static func parseSum(_ cursor: inout TokenCursor) throws -> Expression {
        var left = try parseConcatenation(&cursor)
        while let found = take(["+", "-"], &cursor) { left = try binary(found, left, try parseConcatenation(&cursor)) }
        return left
    }

    private static func parseConcatenation(_ cursor: inout TokenCursor) throws -> Expression {
        var left = try parseProduct(&cursor)
        while let found = take(["~"], &cursor) { left = try binary(found, left, try parseProduct(&cursor)) }
        return left
    }

    private static func parseProduct(_ cursor: inout TokenCursor) throws -> Expression {
        var left = try parseUnary(&cursor)
        while let found = take(["*", "/", "//", "%"], &cursor) {
            left = try binary(found, left, try parseUnary(&cursor))
        }
        return left
    }

    private static func take(_ symbols: [String], _ cursor: inout TokenCursor) -> BinaryOperator? {
        guard case .symbol(let symbol) = cursor.current, symbols.contains(symbol) else { return nil }
        cursor.advance()
        return BinaryOperator(rawValue: symbol)
    }

    private static func binary(
        _ operation: BinaryOperator, _ left: Expression, _ right: Expression
    ) throws -> Expression {
        try Expression(.binary(operation, left, right), [left, right])
    }

    private static func parseUnary(_ cursor: inout TokenCursor) throws -> Expression {
        var result = try parseSigned(&cursor)
        while true {
            if cursor.takeSymbol("|") {
                result = try PrimaryParser.parseFilter(&cursor, of: result)
            } else if cursor.takeName("is") {
                result = try PrimaryParser.parseTest(&cursor, of: result)
            } else {
                return result
            }
        }
    }

    /// Signs bind closer than filters.
    private static func parseSigned(_ cursor: inout TokenCursor) throws -> Expression {
        if cursor.takeSymbol("-") {
            let operand = try cursor.nested(parseSigned)
            return try Expression(.negative(operand), [operand])
        }
        return cursor.takeSymbol("+") ? try cursor.nested(parseSigned) : try PrimaryParser.parse(&cursor)
    }
}
