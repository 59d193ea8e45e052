/// Moves sets of positions over bytes. It only keeps scratch memory, and counts its steps, between calls.
struct Recognizer: Sendable {
    /// Positions that were looked at since the count was last set to 0.
    var steps = 0
    private var open: [StackPosition] = []
    private var seen: Set<StackPosition> = []
    private var seenFew: [StackPosition] = []

    /// Up to here a list is searched faster than a set.
    private static let few = 24

    /// The positions at which a byte can be consumed, or at which a stack has ended, that are reached from `positions`
    /// without a byte; sorted. Empty where there are more than ``GrammarLimits/stacks``.
    mutating func closed(
        _ positions: [StackPosition], in grammar: CompiledGrammar, _ table: inout StackTable
    ) -> [StackPosition] {
        open.removeAll(keepingCapacity: true)
        seenFew.removeAll(keepingCapacity: true)
        if !seen.isEmpty { seen.removeAll(keepingCapacity: true) }
        var found: [StackPosition] = []
        for position in positions { visit(position) }
        while let position = open.popLast() {
            steps += 1
            let node = grammar.nodes[Int(position.node)]
            switch node.kind {
            case .bytes: found.append(position)
            case .end:
                guard position.frame >= 0 else {
                    found.append(position)
                    continue
                }
                let frame = table[position.frame]
                visit(StackPosition(node: frame.node, count: frame.count, frame: frame.below))
            case .split:
                for target in node.first..<node.second {
                    visit(
                        StackPosition(
                            node: grammar.targets[Int(target)], count: position.count, frame: position.frame))
                }
            case .call:
                let frame = table.number(
                    of: StackFrame(node: node.second, count: position.count, below: position.frame))
                visit(StackPosition(node: node.first, count: 0, frame: frame))
            case .tail: visit(StackPosition(node: node.first, count: 0, frame: position.frame))
            case .loop:
                let count = position.count
                if node.most < 0 || count < node.most {
                    visit(StackPosition(node: node.first, count: count, frame: position.frame))
                }
                if count >= node.least || count == FarCount.between {
                    visit(StackPosition(node: node.second, count: 0, frame: position.frame))
                }
            case .count:
                let loop = grammar.nodes[Int(node.first)]
                var count = position.count
                // Without an upper bound all counts from the lower one on are the same.
                if count >= 0 { count = loop.most < 0 ? min(count + 1, loop.least) : count + 1 }
                visit(StackPosition(node: node.first, count: count, frame: position.frame))
            }
            if seenFew.count + seen.count > 4 * GrammarLimits.stacks { return [] }
        }
        guard found.count <= GrammarLimits.stacks else { return [] }
        found.sort()
        return found
    }

    private mutating func visit(_ position: StackPosition) {
        if seenFew.count < Self.few {
            for other in seenFew where other == position { return }
            seenFew.append(position)
        } else {
            if seen.isEmpty { seen.formUnion(seenFew) }
            guard seen.insert(position).inserted else { return }
        }
        open.append(position)
    }

    /// The closed positions after one byte; empty where none of `positions` takes it.
    mutating func advanced(
        _ positions: [StackPosition], by byte: UInt8, in grammar: CompiledGrammar, _ table: inout StackTable
    ) -> [StackPosition] {
        var moved: [StackPosition] = []
        for position in positions {
            let node = grammar.nodes[Int(position.node)]
            guard node.kind == .bytes else { continue }
            for index in Int(node.first)..<Int(node.second) {
                let edge = grammar.edges[index]
                if edge.low <= byte && byte <= edge.high {
                    moved.append(StackPosition(node: edge.target, count: position.count, frame: position.frame))
                }
            }
        }
        steps += positions.count
        return moved.isEmpty ? [] : closed(moved, in: grammar, &table)
    }
}
