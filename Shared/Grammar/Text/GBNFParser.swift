/// Reads grammars in GBNF, the notation of llama.cpp.
struct GBNFParser {
    private var reader: ScalarReader
    private var rules = RuleSet()
    private var numbers: [String: Int] = [:]
    /// The line on which a rule was first used, until it is defined.
    private var undefined: [String: Int] = [:]
    private var depth = 0

    /// The rules of a grammar and the number of the rule `root`.
    static func parse(_ text: String) throws(GrammarError) -> (RuleSet, root: Int) {
        guard text.utf8.count <= GrammarLimits.sourceBytes else {
            throw GrammarError(.limit, "a grammar of more than \(GrammarLimits.sourceBytes) bytes")
        }
        var parser = GBNFParser(reader: ScalarReader(text))
        parser.skipSpace(newlines: true)
        while !parser.reader.isAtEnd {
            try parser.rule()
            parser.skipSpace(newlines: true)
        }
        if let (name, line) = parser.undefined.min(by: { $0.value < $1.value }) {
            throw GrammarError(.invalid, "line \(line): the rule \(name) is not defined")
        }
        guard let root = parser.numbers["root"] else { throw GrammarError(.invalid, "the rule root is not defined") }
        return (parser.rules, root)
    }

    private init(reader: ScalarReader) { self.reader = reader }

    private func error(_ message: String, _ code: GrammarError.Code = .invalid) -> GrammarError {
        GrammarError(code, "line \(reader.line): \(message)")
    }

    private mutating func skipSpace(newlines: Bool) {
        while let scalar = reader.current {
            switch scalar {
            case 0x20, 0x09: reader.skip()
            case 0x0A, 0x0D:
                guard newlines else { return }
                reader.skip()
            case 0x23:
                while let scalar = reader.current, scalar != 0x0A { reader.skip() }
            default: return
            }
        }
    }

    private mutating func name() -> String? {
        var name = ""
        while let scalar = reader.current.flatMap(Unicode.Scalar.init) {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_": name.unicodeScalars.append(scalar)
            default: return name.isEmpty ? nil : name
            }
            reader.skip()
        }
        return name.isEmpty ? nil : name
    }

    private mutating func number(of name: String) throws(GrammarError) -> Int {
        if let known = numbers[name] { return known }
        let number = try rules.reserve(name)
        numbers[name] = number
        undefined[name] = reader.line
        return number
    }

    private mutating func rule() throws(GrammarError) {
        guard let name = name() else { throw error("the name of a rule was expected") }
        let number = try number(of: name)
        guard undefined.removeValue(forKey: name) != nil else { throw error("the rule \(name) is defined twice") }
        skipSpace(newlines: false)
        guard reader.take("::=") else { throw error("::= was expected after \(name)") }
        skipSpace(newlines: true)
        rules.define(number, try alternatives(isNested: false))
        guard reader.isAtEnd || reader.isNext("\n") || reader.isNext("\r") else {
            throw error("\(shown(reader.current ?? 0)) was not expected")
        }
    }

    private mutating func alternatives(isNested: Bool) throws(GrammarError) -> Expression {
        var parts = [try sequence(isNested: isNested)]
        while true {
            let end = reader.position
            skipSpace(newlines: true)
            guard reader.take("|") else {
                if !isNested { reader.rewind(to: end) }
                return parts.count == 1 ? parts[0] : .choice(parts)
            }
            skipSpace(newlines: true)
            parts.append(try sequence(isNested: isNested))
        }
    }

    private mutating func sequence(isNested: Bool) throws(GrammarError) -> Expression {
        var parts: [Expression] = []
        while let part = try element() {
            parts.append(try repeated(part))
            skipSpace(newlines: isNested)
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func element() throws(GrammarError) -> Expression? {
        if reader.take("\"") { return try literal() }
        if reader.take("[") { return try characterClass() }
        if reader.take(".") { return .scalars(.all) }
        if reader.take("(") { return try group() }
        if reader.isNext("<") || reader.isNext("!<") { throw error("tokens by name are not supported", .unsupported) }
        // A name on a new line belongs to the next rule; newlines were skipped only within groups.
        guard let name = name() else { return nil }
        return .rule(try number(of: name))
    }

    private mutating func group() throws(GrammarError) -> Expression {
        depth += 1
        guard depth <= GrammarLimits.depth else { throw error("groups more than \(GrammarLimits.depth) deep", .limit) }
        skipSpace(newlines: true)
        let part = try alternatives(isNested: true)
        guard reader.take(")") else { throw error("a closing parenthesis was expected") }
        depth -= 1
        return part
    }

    private mutating func literal() throws(GrammarError) -> Expression {
        var bytes: [UInt8] = []
        while !reader.take("\"") {
            if reader.isAtEnd || reader.isNext("\n") { throw error("a literal that is not closed") }
            bytes += ScalarSet.encode(try scalar())
        }
        return .bytes(bytes)
    }

    private mutating func characterClass() throws(GrammarError) -> Expression {
        let isInverted = reader.take("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !reader.take("]") {
            if reader.isAtEnd || reader.isNext("\n") { throw error("a class that is not closed") }
            let first = try scalar()
            guard reader.isNext("-"), reader.peek(1) != 0x5D else {
                ranges.append(first...first)
                continue
            }
            reader.skip()
            let last = try scalar()
            guard first <= last else { throw error("a range that does not go up") }
            ranges.append(first...last)
        }
        let set = ScalarSet(ranges)
        return .scalars(isInverted ? set.inverted : set)
    }

    /// One scalar of a literal or class, which may be escaped.
    private mutating func scalar() throws(GrammarError) -> UInt32 {
        guard let scalar = reader.next() else { throw error("the text ends too early") }
        guard scalar == 0x5C else { return scalar }
        guard let letter = reader.next().flatMap(Unicode.Scalar.init) else { throw error("a backslash at the end") }
        let value: UInt32? =
            switch letter {
            case "n": 0x0A
            case "r": 0x0D
            case "t": 0x09
            case "\\", "\"", "[", "]", "-", "^": letter.value
            case "x": reader.hexadecimal(2)
            case "u": reader.hexadecimal(4)
            case "U": reader.hexadecimal(8)
            default: nil
            }
        guard let value else { throw error("the escape \\\(letter) is not one, or is followed by the wrong digits") }
        return value
    }

    private mutating func repeated(_ part: Expression) throws(GrammarError) -> Expression {
        var part = part
        var count = 0
        while true {
            if reader.take("*") {
                part = .repeated(part, 0, nil)
            } else if reader.take("+") {
                part = .repeated(part, 1, nil)
            } else if reader.take("?") {
                part = .repeated(part, 0, 1)
            } else if reader.take("{") {
                part = try bounded(part)
            } else {
                return part
            }
            count += 1
            if count > GrammarLimits.depth {
                throw error("more than \(GrammarLimits.depth) repetitions in a row", .limit)
            }
        }
    }

    private mutating func bounded(_ part: Expression) throws(GrammarError) -> Expression {
        skipSpace(newlines: false)
        guard let least = reader.number() else { throw error("a number was expected in braces") }
        var most: Int? = least
        skipSpace(newlines: false)
        if reader.take(",") {
            skipSpace(newlines: false)
            most = reader.number()
            skipSpace(newlines: false)
        }
        guard reader.take("}") else { throw error("a closing brace was expected") }
        if let most, most < least { throw error("a repetition of at least \(least), at most \(most)") }
        if max(least, most ?? 0) > GrammarLimits.repetitions {
            throw error("a repetition of more than \(GrammarLimits.repetitions) times", .limit)
        }
        return .repeated(part, least, most)
    }
}
