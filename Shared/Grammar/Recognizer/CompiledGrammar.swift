/// A grammar over bytes, ready to be run: a pushdown automaton that does not change any more.
public final class CompiledGrammar: Sendable {
    let nodes: [AutomatonNode]
    let edges: [ByteEdge]
    let targets: [Int32]
    /// The counting loop in whose body a node lies; -1 outside of loops.
    let loops: [Int32]
    let start: Int32
    /// The class of every byte: bytes of one class are never told apart.
    let byteClasses: [UInt8]
    /// One byte of every class.
    let classBytes: [UInt8]

    /// Compiles rules.
    init(_ rules: RuleSet, root: Int) throws(GrammarError) {
        let (builder, start) = try AutomatonBuilder.lower(rules, root: root)
        nodes = builder.nodes
        edges = builder.edges
        targets = builder.targets
        loops = builder.loops
        self.start = start
        var isFirst = [Bool](repeating: false, count: 257)
        for edge in edges {
            isFirst[Int(edge.low)] = true
            isFirst[Int(edge.high) + 1] = true
        }
        var classes: [UInt8] = []
        var bytes: [UInt8] = [0]
        for byte in UInt8.min...UInt8.max {
            if byte > 0 && isFirst[Int(byte)] { bytes.append(byte) }
            classes.append(UInt8(bytes.count - 1))
        }
        byteClasses = classes
        classBytes = bytes
        // Every grammar that is lowered has a text: without a first state it has too many stacks.
        guard !GrammarState(self).positions.isEmpty else {
            throw GrammarError(.limit, "more than \(GrammarLimits.stacks) ways to begin a text")
        }
    }

    /// How many positions the automaton has.
    public var nodeCount: Int { nodes.count }
}
