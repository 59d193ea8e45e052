/// Reads the regular part of regular expressions: literals, classes, groups, alternation and repetition, with anchors at the
/// ends. Everything else is refused by name.
struct RegexParser {
    /// One of the alternatives of a whole pattern.
    struct Alternative {
        var isAnchoredAtStart = false
        var isAnchoredAtEnd = false
        var expression: Expression
    }

    private var reader: ScalarReader
    private var depth = 0

    /// Any scalar but the ends of lines, which is what `.` stands for.
    static let withoutLineEnds = ScalarSet([0x0A...0x0A, 0x0D...0x0D]).inverted

    /// The alternatives of a pattern.
    static func parse(_ pattern: String) throws(GrammarError) -> [Alternative] {
        guard pattern.utf8.count <= GrammarLimits.patternBytes else {
            throw GrammarError(.limit, "a pattern of more than \(GrammarLimits.patternBytes) bytes")
        }
        var parser = RegexParser(reader: ScalarReader(pattern))
        var alternatives: [Alternative] = []
        repeat {
            let starts = parser.reader.take("^")
            let expression = try parser.sequence()
            let ends = parser.reader.take("$")
            alternatives.append(
                Alternative(isAnchoredAtStart: starts, isAnchoredAtEnd: ends, expression: expression))
        } while parser.reader.take("|")
        if let rest = parser.reader.current {
            throw parser.error(
                rest == 0x29 ? "a closing parenthesis without an opening one" : "$ before the end of an alternative")
        }
        return alternatives
    }

    private init(reader: ScalarReader) { self.reader = reader }

    private func error(_ message: String) -> GrammarError {
        GrammarError(.invalid, "pattern, character \(reader.position): \(message)")
    }

    private func unsupported(_ feature: String) -> GrammarError {
        GrammarError(.unsupported, "pattern, character \(reader.position): \(feature) is not supported")
    }

    private mutating func sequence() throws(GrammarError) -> Expression {
        var parts: [Expression] = []
        while let scalar = reader.current {
            if reader.isNext("|") || reader.isNext(")") || reader.isNext("$") { break }
            parts.append(try quantified(try atom(scalar)))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func atom(_ scalar: UInt32) throws(GrammarError) -> Expression {
        switch Unicode.Scalar(scalar) {
        case "(": return try group()
        case "[": return .scalars(try RegexClass.parse(&reader))
        case ".":
            reader.skip()
            return .scalars(Self.withoutLineEnds)
        case "\\": return .scalars(try RegexClass.escape(&reader, inClass: false))
        case "^": throw unsupported("^ that is not at the start of an alternative of the whole pattern")
        case "*", "+", "?": throw error("nothing before \(shown(scalar)) to repeat")
        default:
            reader.skip()
            return .scalars(ScalarSet([scalar]))
        }
    }

    private mutating func group() throws(GrammarError) -> Expression {
        depth += 1
        guard depth <= GrammarLimits.depth else {
            throw GrammarError(.limit, "a pattern with groups more than \(GrammarLimits.depth) deep")
        }
        reader.skip()
        if reader.isNext("?") {
            if reader.isNext("?=") || reader.isNext("?!") { throw unsupported("lookahead") }
            if reader.isNext("?<=") || reader.isNext("?<!") { throw unsupported("lookbehind") }
            if reader.isNext("?P=") { throw unsupported("a backreference") }
            if reader.take("?<") || reader.take("?P<") {
                while let scalar = reader.next(), scalar != 0x3E {}
            } else if !reader.take("?:") {
                throw unsupported("a group with flags or conditions")
            }
        }
        var alternatives: [Expression] = []
        repeat { alternatives.append(try sequence()) } while reader.take("|")
        if reader.isNext("$") { throw unsupported("$ in a group") }
        guard reader.take(")") else { throw error("a group that is not closed") }
        depth -= 1
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func quantified(_ part: Expression) throws(GrammarError) -> Expression {
        guard let (least, most) = try quantifier() else { return part }
        // Lazy or greedy: the same texts match.
        _ = reader.take("?")
        if reader.isNext("+") { throw unsupported("a possessive quantifier") }
        let end = reader.position
        if try quantifier() != nil {
            reader.rewind(to: end)
            throw error("a quantifier after a quantifier")
        }
        return .repeated(part, least, most)
    }

    private mutating func quantifier() throws(GrammarError) -> (least: Int, most: Int?)? {
        if reader.take("*") { return (0, nil) }
        if reader.take("+") { return (1, nil) }
        if reader.take("?") { return (0, 1) }
        guard reader.isNext("{") else { return nil }
        let start = reader.position
        reader.skip()
        let least = reader.number()
        var most = least
        let hasComma = reader.take(",")
        if hasComma { most = reader.number() }
        guard least != nil || (hasComma && most != nil), reader.take("}") else {
            // Braces that are no quantifier stand for themselves.
            reader.rewind(to: start)
            return nil
        }
        if let least, let most, most < least { throw error("a repetition of at least \(least), at most \(most)") }
        return (least ?? 0, most)
    }
}
