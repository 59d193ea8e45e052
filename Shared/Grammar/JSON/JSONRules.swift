/// The rules of JSON that schemas share, made when they are first needed.
struct JSONRules {
    var rules = RuleSet()
    let whitespace: JSONWhitespace
    private var made: [String: Expression] = [:]
    private var openNameBytes = 0

    /// Most digits of a number before its point and after it.
    static let digits = 18
    /// Most spaces and tabs that indent a line.
    private static let indentation = 20

    init(_ whitespace: JSONWhitespace) { self.whitespace = whitespace }

    /// What a string may hold without an escape.
    static let plainScalars = ScalarSet([0x00...0x1F, 0x22...0x22, 0x5C...0x5C]).inverted
    static let digit = Expression.ascii("0"..."9")
    static let quote = Expression.text("\"")

    private mutating func once(
        _ name: String, _ make: (inout JSONRules) throws(GrammarError) -> Expression
    ) throws(GrammarError) -> Expression {
        if let known = made[name] { return known }
        let rule = try rules.reserve(name)
        made[name] = .rule(rule)
        rules.define(rule, try make(&self))
        return .rule(rule)
    }

    /// Nothing, one space, or one new line with its indentation: a model cannot go on with spaces for ever.
    mutating func space() throws(GrammarError) -> Expression {
        switch whitespace {
        case .none: .empty
        case .bounded:
            try once("space") { _ in
                .choice([
                    .empty, .text(" "),
                    .sequence([
                        .text("\n"), .repeated(.scalars(ScalarSet([0x20, 0x09])), 0, Self.indentation),
                    ]),
                ])
            }
        }
    }

    /// A colon and what may follow it.
    var colon: Expression {
        whitespace == .none ? .text(":") : .sequence([.text(":"), .optional(.text(" "))])
    }

    mutating func comma() throws(GrammarError) -> Expression { .sequence([.text(","), try space()]) }

    /// One character of a string in any of its forms; no half of a surrogate pair.
    static let character: Expression = {
        let hex = Expression.scalars(ScalarSet([0x30...0x39, 0x41...0x46, 0x61...0x66]))
        let notD = Expression.scalars(ScalarSet([0x30...0x39, 0x41...0x43, 0x45...0x46, 0x61...0x63, 0x65...0x66]))
        let d = Expression.scalars(ScalarSet([0x44, 0x64]))
        let low = Expression.scalars(ScalarSet([0x43...0x46, 0x63...0x66]))
        let high = Expression.scalars(ScalarSet([0x38...0x39, 0x41...0x42, 0x61...0x62]))
        let unit = Expression.choice([
            .sequence([notD, hex, hex, hex]), .sequence([d, .ascii("0"..."7"), hex, hex]),
            .sequence([d, high, hex, hex, .text("\\u"), d, low, hex, hex]),
        ])
        let simple = Expression.scalars(ScalarSet("\"\\/bfnrt".unicodeScalars.map(\.value)))
        return .choice([
            .scalars(plainScalars), .sequence([.text("\\"), .choice([simple, .sequence([.text("u"), unit])])]),
        ])
    }()

    /// A character of a set in the one form that ``SchemaValue/quoted(_:)`` gives it.
    static func character(of set: ScalarSet) -> Expression {
        let plain = set.subtracting(plainScalars.inverted)
        var forms: [Expression] = plain.isEmpty ? [] : [.scalars(plain)]
        let escaped = escapedScalars.filter { set.contains($0) }
        if !escaped.isEmpty { forms.append(escaped.count == escapedScalars.count ? allEscapes : escapes(escaped)) }
        return forms.count == 1 ? forms[0] : .choice(forms)
    }

    private static let escapedScalars: [UInt32] = Array(0..<0x20) + [0x22, 0x5C]
    private static let allEscapes = escapes(escapedScalars)

    private static func escapes(_ scalars: [UInt32]) -> Expression {
        .oneOf(scalars.map { Array((SchemaValue.escape(of: $0) ?? "").utf8) })
    }

    mutating func string(_ least: Int = 0, _ most: Int? = nil) throws(GrammarError) -> Expression {
        try once("string \(least) \(most ?? -1)") { _ in
            .sequence([Self.quote, .repeated(Self.character, least, most), Self.quote])
        }
    }

    /// Any key but some, in the one form of a string.
    mutating func key(except names: [String]) throws(GrammarError) -> Expression {
        if names.isEmpty { return try string() }
        // With the quotation mark, so that the rule does not end after every character.
        let rest = try once("rest of key") { _ in .sequence([.many(Self.character(of: .all)), Self.quote]) }
        openNameBytes += names.reduce(0) { $0 + $1.utf8.count }
        guard openNameBytes <= GrammarLimits.openNameBytes else {
            throw GrammarError(
                .limit,
                "properties beside additionalProperties with more than \(GrammarLimits.openNameBytes) bytes of names")
        }
        let scalars = Set(names).map { $0.unicodeScalars.map(\.value) }.sorted { $0.lexicographicallyPrecedes($1) }
        return try rules.add(
            "key", .sequence([Self.quote, try other(scalars[...], from: 0, rest: rest)]))
    }

    /// Strings that are none of `names`, after `depth` characters in which all of these agree.
    private func other(
        _ names: ArraySlice<[UInt32]>, from depth: Int, rest: Expression
    ) throws(GrammarError) -> Expression {
        guard depth <= GrammarLimits.openNameLength else {
            throw GrammarError(
                .limit,
                "properties beside additionalProperties with names of more than \(GrammarLimits.openNameLength) characters"
            )
        }
        var branches: [Expression] = []
        var index = names.startIndex
        if let first = names.first, first.count == depth { index += 1 } else { branches.append(Self.quote) }
        var firsts: [UInt32] = []
        while index < names.endIndex {
            let scalar = names[index][depth]
            let next = names[index...].firstIndex { $0[depth] != scalar } ?? names.endIndex
            firsts.append(scalar)
            let below = try other(names[index..<next], from: depth + 1, rest: rest)
            branches.append(.sequence([Self.character(of: ScalarSet([scalar])), below]))
            index = next
        }
        branches.append(.sequence([Self.character(of: ScalarSet(firsts).inverted), rest]))
        return .choice(branches)
    }

    mutating func integer() throws(GrammarError) -> Expression {
        try once("integer") { _ in .sequence([.optional(.text("-")), Self.wholePart]) }
    }

    private static let wholePart = Expression.choice([
        .text("0"), .sequence([.ascii("1"..."9"), .repeated(digit, 0, digits - 1)]),
    ])

    mutating func number() throws(GrammarError) -> Expression {
        try once("number") { _ in
            .sequence([
                .optional(.text("-")), Self.wholePart,
                .optional(.sequence([.text("."), .repeated(Self.digit, 1, Self.digits)])),
                .optional(
                    .sequence([
                        .scalars(ScalarSet([0x45, 0x65])), .optional(.scalars(ScalarSet([0x2B, 0x2D]))),
                        .repeated(Self.digit, 1, 2),
                    ])),
            ])
        }
    }

    static let boolean = Expression.choice([.text("true"), .text("false")])

    mutating func value() throws(GrammarError) -> Expression {
        try once("value") { (json) throws(GrammarError) in
            .choice([
                try json.object(), try json.array(), try json.string(), try json.number(), Self.boolean, .text("null"),
            ])
        }
    }

    mutating func object() throws(GrammarError) -> Expression {
        try once("object") { (json) throws(GrammarError) in
            let pair = Expression.sequence([try json.string(), json.colon, try json.value()])
            return try json.list("{", pair, 0, nil, "}")
        }
    }

    mutating func array() throws(GrammarError) -> Expression {
        try once("array") { (json) throws(GrammarError) in try json.list("[", try json.value(), 0, nil, "]") }
    }

    /// Elements with commas between them.
    mutating func list(
        _ open: String, _ element: Expression, _ least: Int, _ most: Int?, _ close: String
    ) throws(GrammarError) -> Expression {
        if most == 0 { return .text(open + close) }
        let element = try rules.shared("element", element)
        let more = Expression.repeated(
            .sequence([try comma(), element]), max(0, least - 1), most.map { $0 - 1 })
        let filled = Expression.sequence([try space(), element, more, try space(), .text(close)])
        return .sequence([.text(open), least > 0 ? filled : .choice([filled, .text(close)])])
    }
}

/// Which spaces may stand between the parts of generated JSON.
public enum JSONWhitespace: String, Sendable, Hashable, Codable {
    /// None at all.
    case none
    /// At most one space, or one new line with up to 20 spaces or tabs, after a bracket or comma and before a closing
    /// bracket; at most one space after a colon.
    case bounded
}
