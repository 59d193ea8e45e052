/// Lowers rules to nodes, from the end of each rule to its start, so that every part knows where to go on.
struct AutomatonBuilder {
    private(set) var nodes: [AutomatonNode] = [AutomatonNode(kind: .end)]
    private(set) var edges: [ByteEdge] = []
    private(set) var targets: [Int32] = []
    /// The counting loop in whose body a node lies; -1 outside of loops.
    private(set) var loops: [Int32] = [-1]
    private var currentLoop: Int32 = -1
    private var starts: [Int32] = []
    /// Nodes whose `first` is still the number of a rule.
    private var unresolved: [Int] = []
    /// The nodes of classes of characters that were lowered before.
    private var classes: [ScalarSet: ClassShape] = [:]
    private let analysis: RuleAnalysis
    private static let end: Int32 = 0

    /// Lowers all rules that can match; returns the builder and the node at which `root` starts.
    static func lower(_ rules: RuleSet, root: Int) throws(GrammarError) -> (AutomatonBuilder, start: Int32) {
        let analysis = try RuleAnalysis(rules)
        guard analysis.productive[root] else {
            throw GrammarError(.unsatisfiable, "no finite text matches")
        }
        var builder = AutomatonBuilder(analysis)
        for (rule, body) in rules.bodies.enumerated() {
            let start =
                analysis.productive[rule] ? try builder.lower(analysis.pruned(body), next: end) : end
            builder.starts.append(start)
        }
        for node in builder.unresolved { builder.nodes[node].first = builder.starts[Int(builder.nodes[node].first)] }
        return (builder, builder.starts[root])
    }

    private init(_ analysis: RuleAnalysis) { self.analysis = analysis }

    private mutating func add(_ node: AutomatonNode) throws(GrammarError) -> Int32 {
        guard nodes.count < GrammarLimits.nodes, edges.count < 4 * GrammarLimits.nodes else {
            throw GrammarError(.limit, "the automaton needs more than \(GrammarLimits.nodes) positions")
        }
        nodes.append(node)
        loops.append(currentLoop)
        return Int32(nodes.count - 1)
    }

    private mutating func bytes(_ list: [ByteEdge]) throws(GrammarError) -> Int32 {
        let first = Int32(edges.count)
        edges += list
        return try add(AutomatonNode(kind: .bytes, first: first, second: Int32(edges.count)))
    }

    private mutating func setTargets(_ node: Int32, _ list: [Int32]) {
        nodes[Int(node)].first = Int32(targets.count)
        targets += list
        nodes[Int(node)].second = Int32(targets.count)
    }

    private mutating func lower(_ expression: Expression, next: Int32) throws(GrammarError) -> Int32 {
        switch expression {
        case .bytes(let literal):
            var node = next
            for byte in literal.reversed() { node = try bytes([ByteEdge(low: byte, high: byte, target: node)]) }
            return node
        case .scalars(let set): return try scalars(set, next: next)
        case .sequence(let parts):
            var node = next
            for part in parts.reversed() { node = try lower(part, next: node) }
            return node
        case .choice(let parts): return try choice(parts, next: next)
        case .repeated(let part, let least, let most): return try repeated(part, least, most, next: next)
        case .rule(let rule):
            let isTail = next == Self.end
            let node = try add(AutomatonNode(kind: isTail ? .tail : .call, first: Int32(rule), second: next))
            unresolved.append(Int(node))
            return node
        }
    }

    private mutating func scalars(_ set: ScalarSet, next: Int32) throws(GrammarError) -> Int32 {
        let shape: ClassShape
        if let known = classes[set] {
            shape = known
        } else {
            guard classes.count < GrammarLimits.classes else {
                throw GrammarError(.limit, "more than \(GrammarLimits.classes) different classes of characters")
            }
            shape = ClassShape(set)
            classes[set] = shape
        }
        let first = Int32(nodes.count)
        func placed(_ edge: ByteEdge) -> ByteEdge {
            ByteEdge(low: edge.low, high: edge.high, target: edge.target < 0 ? next : first + edge.target)
        }
        for edge in shape.continuations { _ = try bytes([placed(edge)]) }
        return try bytes(shape.beginnings.map(placed))
    }

    private mutating func choice(_ parts: [Expression], next: Int32) throws(GrammarError) -> Int32 {
        if parts.count == 1 { return try lower(parts[0], next: next) }
        var starts: [Int32] = []
        for part in parts { starts.append(try lower(part, next: next)) }
        let node = try add(AutomatonNode(kind: .split))
        setTargets(node, starts)
        return node
    }

    private mutating func repeated(
        _ part: Expression, _ least: Int, _ most: Int?, next: Int32
    ) throws(GrammarError) -> Int32 {
        guard least <= GrammarLimits.repetitions, most ?? 0 <= GrammarLimits.repetitions else {
            throw GrammarError(.limit, "a repetition of more than \(GrammarLimits.repetitions) times")
        }
        if let most, most < least { throw GrammarError(.invalid, "a repetition of at least \(least), at most \(most)") }
        let isNullable = analysis.isNullable(part)
        // Runs that match nothing count as well, so that the lower bound of a part that may be empty is no bound.
        let least = isNullable ? 0 : least
        switch (least, most) {
        case (_, 0): return next
        case (1, 1): return try lower(part, next: next)
        case (0, 1):
            let body = try lower(part, next: next)
            let node = try add(AutomatonNode(kind: .split))
            setTargets(node, [body, next])
            return node
        case (0, nil), (1, nil):
            let node = try add(AutomatonNode(kind: .split))
            let body = try lower(part, next: node)
            setTargets(node, [body, next])
            return least == 0 ? node : body
        default:
            if isNullable, let most, most > GrammarLimits.emptyRepetitions {
                throw GrammarError(
                    .limit, "more than \(GrammarLimits.emptyRepetitions) repetitions of something that may be empty")
            }
            let loop = try add(
                AutomatonNode(kind: .loop, second: Self.end, least: Int32(least), most: Int32(most ?? -1)))
            let counter = try add(AutomatonNode(kind: .count, first: loop))
            let outerLoop = currentLoop
            currentLoop = loop
            nodes[Int(loop)].first = try lower(part, next: counter)
            currentLoop = outerLoop
            return try add(AutomatonNode(kind: next == Self.end ? .tail : .call, first: loop, second: next))
        }
    }
}
