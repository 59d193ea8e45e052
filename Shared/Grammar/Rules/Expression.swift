/// What a rule matches.
indirect enum Expression: Sendable, Hashable {
    /// Exactly these bytes.
    case bytes([UInt8])
    /// One scalar of a set, in UTF-8.
    case scalars(ScalarSet)
    /// All parts in turn; the empty text where there is none.
    case sequence([Expression])
    /// One of the parts; nothing where there is none.
    case choice([Expression])
    /// A number of times, without an upper bound where it is `nil`.
    case repeated(Expression, Int, Int?)
    /// Another rule.
    case rule(Int)

    static let empty = Expression.sequence([])
    static let never = Expression.choice([])

    static func text(_ text: String) -> Expression { .bytes(Array(text.utf8)) }
    static func optional(_ part: Expression) -> Expression { .repeated(part, 0, 1) }
    static func many(_ part: Expression) -> Expression { .repeated(part, 0, nil) }

    /// A character of a range of ASCII.
    static func ascii(_ range: ClosedRange<Character>) -> Expression {
        let low = UInt32(range.lowerBound.asciiValue ?? 0)
        let high = UInt32(range.upperBound.asciiValue ?? 0)
        return .scalars(ScalarSet([low...high]))
    }

    /// One of some byte strings; common beginnings are shared, so that few positions are open at a time.
    static func oneOf(_ strings: [[UInt8]]) -> Expression {
        let sorted = Set(strings).sorted { $0.lexicographicallyPrecedes($1) }
        return tree(sorted[...], from: 0)
    }

    private static func tree(_ strings: ArraySlice<[UInt8]>, from start: Int) -> Expression {
        guard let first = strings.first, let last = strings.last else { return .never }
        guard strings.count > 1 else { return .bytes(Array(first[start...])) }
        // The strings are sorted: what the first and the last have in common, all have.
        var end = start
        while end < first.count, end < last.count, first[end] == last[end] { end += 1 }
        var branches: [Expression] = []
        var index = strings.startIndex
        if first.count == end {
            branches.append(.empty)
            index += 1
        }
        while index < strings.endIndex {
            let byte = strings[index][end]
            let next = strings[index...].firstIndex { $0[end] != byte } ?? strings.endIndex
            branches.append(tree(strings[index..<next], from: end))
            index = next
        }
        return .sequence([.bytes(Array(first[start..<end])), .choice(branches)])
    }

    var isNever: Bool {
        if case .choice(let parts) = self { parts.isEmpty } else { false }
    }

    /// The classes of scalars of the expression.
    var scalarSets: Set<ScalarSet> {
        switch self {
        case .bytes, .rule: []
        case .scalars(let set): [set]
        case .sequence(let parts), .choice(let parts):
            parts.reduce(into: []) { $0.formUnion($1.scalarSets) }
        case .repeated(let part, _, _): part.scalarSets
        }
    }

    /// The expression with every class and literal of scalars replaced.
    func replacingScalars(_ replace: (ScalarSet) -> Expression) -> Expression {
        switch self {
        case .bytes, .rule: self
        case .scalars(let set): replace(set)
        case .sequence(let parts): .sequence(parts.map { $0.replacingScalars(replace) })
        case .choice(let parts): .choice(parts.map { $0.replacingScalars(replace) })
        case .repeated(let part, let least, let most): .repeated(part.replacingScalars(replace), least, most)
        }
    }
}

/// Rules under construction.
struct RuleSet: Sendable {
    private(set) var names: [String] = []
    private(set) var bodies: [Expression] = []

    /// A rule that is referred to before it is defined.
    mutating func reserve(_ name: String) throws(GrammarError) -> Int {
        guard names.count < GrammarLimits.rules else {
            throw GrammarError(.limit, "more than \(GrammarLimits.rules) rules are needed")
        }
        names.append(name)
        bodies.append(.never)
        return names.count - 1
    }

    mutating func define(_ rule: Int, _ body: Expression) { bodies[rule] = body }

    mutating func add(_ name: String, _ body: Expression) throws(GrammarError) -> Expression {
        let rule = try reserve(name)
        define(rule, body)
        return .rule(rule)
    }

    /// The expression as a rule of its own, so that using it twice does not copy it.
    mutating func shared(_ name: String, _ body: Expression) throws(GrammarError) -> Expression {
        switch body {
        case .rule, .bytes, .scalars: body
        default: try add(name, body)
        }
    }
}
