/// Which rules match the empty text, which match any text at all, and whether one begins with itself.
struct RuleAnalysis {
    private(set) var nullable: [Bool] = []
    private(set) var productive: [Bool] = []
    private let rules: RuleSet
    private var steps = 0

    init(_ rules: RuleSet) throws(GrammarError) {
        self.rules = rules
        var users = [[Int]](repeating: [], count: rules.bodies.count)
        for (rule, body) in rules.bodies.enumerated() {
            for used in Set(try references(body)) { users[used].append(rule) }
        }
        productive = try leastFixedPoint(users, terminal: true)
        nullable = try leastFixedPoint(users, terminal: false)
        try refuseLeftRecursion()
    }

    func isNullable(_ expression: Expression) -> Bool {
        switch expression {
        case .bytes(let bytes): bytes.isEmpty
        case .scalars: false
        case .sequence(let parts): parts.allSatisfy(isNullable)
        case .choice(let parts): parts.contains(where: isNullable)
        case .repeated(let part, let least, _): least == 0 || isNullable(part)
        case .rule(let rule): nullable[rule]
        }
    }

    /// The expression without the parts that match no text, so that no state has a way that leads nowhere.
    func pruned(_ expression: Expression) -> Expression {
        switch expression {
        case .bytes: return expression
        case .scalars(let set): return set.hasNoScalars ? .never : expression
        case .rule(let rule): return productive[rule] ? expression : .never
        case .sequence(let parts):
            let parts = parts.map(pruned)
            return parts.contains(where: \.isNever) ? .never : .sequence(parts)
        case .choice(let parts): return .choice(parts.map(pruned).filter { !$0.isNever })
        case .repeated(let part, let least, let most):
            let part = pruned(part)
            if part.isNever || most == 0 { return least == 0 ? .empty : .never }
            return .repeated(part, least, most)
        }
    }

    private mutating func spend() throws(GrammarError) {
        steps += 1
        if steps > GrammarLimits.analysisSteps {
            throw GrammarError(.limit, "the rules refer to each other too often to be analysed")
        }
    }

    private mutating func references(_ expression: Expression) throws(GrammarError) -> [Int] {
        var found: [Int] = []
        var open = [expression]
        while let next = open.popLast() {
            try spend()
            switch next {
            case .bytes, .scalars: break
            case .sequence(let parts), .choice(let parts): open += parts
            case .repeated(let part, _, _): open.append(part)
            case .rule(let rule): found.append(rule)
            }
        }
        return found
    }

    /// What holds for a rule as soon as it holds for enough of the rules that it uses.
    private mutating func leastFixedPoint(_ users: [[Int]], terminal: Bool) throws(GrammarError) -> [Bool] {
        var holds = [Bool](repeating: false, count: rules.bodies.count)
        var waiting = Array(holds.indices)
        var isWaiting = [Bool](repeating: true, count: holds.count)
        while let rule = waiting.popLast() {
            isWaiting[rule] = false
            guard !holds[rule], try evaluate(rules.bodies[rule], holds, terminal) else { continue }
            holds[rule] = true
            for user in users[rule] where !holds[user] && !isWaiting[user] {
                isWaiting[user] = true
                waiting.append(user)
            }
        }
        return holds
    }

    private mutating func evaluate(
        _ expression: Expression, _ holds: [Bool], _ terminal: Bool
    ) throws(GrammarError) -> Bool {
        try spend()
        switch expression {
        case .bytes(let bytes): return terminal || bytes.isEmpty
        case .scalars(let set): return terminal && !set.hasNoScalars
        case .sequence(let parts):
            for part in parts where try !evaluate(part, holds, terminal) { return false }
            return true
        case .choice(let parts):
            for part in parts where try evaluate(part, holds, terminal) { return true }
            return false
        case .repeated(let part, let least, _):
            if least == 0 { return true }
            return try evaluate(part, holds, terminal)
        case .rule(let rule): return holds[rule]
        }
    }

    /// Adds the rules with which the expression can begin; returns whether what follows it can begin a match, too.
    private mutating func beginnings(_ expression: Expression, into found: inout [Int]) throws(GrammarError) -> Bool {
        try spend()
        switch expression {
        case .bytes(let bytes): return bytes.isEmpty
        case .scalars: return false
        case .sequence(let parts):
            for part in parts where try !beginnings(part, into: &found) { return false }
            return true
        case .choice(let parts):
            var passes = false
            for part in parts where try beginnings(part, into: &found) { passes = true }
            return passes
        case .repeated(let part, let least, _):
            let passes = try beginnings(part, into: &found)
            return passes || least == 0
        case .rule(let rule):
            found.append(rule)
            return nullable[rule]
        }
    }

    private mutating func refuseLeftRecursion() throws(GrammarError) {
        var edges: [[Int]] = []
        for (rule, body) in rules.bodies.enumerated() {
            var found: [Int] = []
            // Rules that match nothing are left out of the automaton.
            if productive[rule] { _ = try beginnings(body, into: &found) }
            edges.append(found.filter { productive[$0] })
        }
        var finished = [Bool](repeating: false, count: edges.count)
        var onPath = finished
        for start in edges.indices where !finished[start] {
            var path = [(rule: start, next: 0)]
            onPath[start] = true
            while let (rule, next) = path.last {
                guard next < edges[rule].count else {
                    finished[rule] = true
                    onPath[rule] = false
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let target = edges[rule][next]
                if onPath[target] {
                    throw GrammarError(
                        .unsupported, "the rule \(rules.names[target]) begins with itself (left recursion)")
                }
                if !finished[target] {
                    onPath[target] = true
                    path.append((target, 0))
                }
            }
        }
    }
}
