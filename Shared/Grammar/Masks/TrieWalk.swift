/// Walks a trie and an automaton together, and notes the tokens that the automaton takes.
struct TrieWalk {
    var automaton: LazyAutomaton
    /// Tokens that were taken.
    var allowed: [Int32] = []
    /// Nodes of the trie at which the rule had ended.
    var exits: [Int32] = []
    /// The set at every depth of the trie.
    private var path: [Int32]
    private let trie: TokenTrie
    /// How much memory the automaton may hold, in bytes.
    private let memoryBytes: Int
    /// How often the automaton was emptied: numbers of sets are only valid as long as this stays the same.
    private(set) var epoch = 0

    init(_ grammar: CompiledGrammar, _ trie: TokenTrie, memoryBytes: Int) {
        automaton = LazyAutomaton(grammar)
        self.trie = trie
        self.memoryBytes = memoryBytes
        path = [Int32](repeating: LazyAutomaton.dead, count: trie.longest + 2)
    }

    /// Notes all tokens that can follow a set, and the nodes at which its rule ends.
    ///
    /// - Parameter kept: Another set, whose number is replaced where the automaton had to be emptied.
    mutating func walkAll(from set: Int32, keeping kept: inout Int32) throws(GrammarError) {
        allowed.removeAll(keepingCapacity: true)
        exits.removeAll(keepingCapacity: true)
        path[0] = set
        try walk(from: 1, to: trie.ends[0], keeping: &kept)
    }

    /// Notes the tokens at a node at which the rule has ended, and those below it that can follow `base`.
    mutating func walkExit(_ exit: Int32, base: inout Int32) throws(GrammarError) {
        let node = Int(exit)
        allowed.append(contentsOf: trie.tokens[Int(trie.firstTokens[node])..<Int(trie.firstTokens[node + 1])])
        guard trie.ends[node] > exit + 1 else { return }
        path[Int(trie.depths[node])] = base
        try walk(from: exit + 1, to: trie.ends[node], keeping: &base)
    }

    private mutating func walk(from first: Int32, to end: Int32, keeping kept: inout Int32) throws(GrammarError) {
        guard first < end else { return }
        var node = Int(first)
        let end = Int(end)
        let top = Int(trie.depths[node]) - 1
        let classes = automaton.grammar.byteClasses
        while node < end {
            let depth = Int(trie.depths[node])
            let next = automaton.next(path[depth - 1], classes[Int(trie.bytes[node])])
            if next == LazyAutomaton.dead {
                node = Int(trie.ends[node])
                continue
            }
            path[depth] = next
            let outcome = automaton.outcomes[Int(next)]
            if outcome & LazyAutomaton.isAlive != 0 {
                for index in Int(trie.firstTokens[node])..<Int(trie.firstTokens[node + 1]) {
                    allowed.append(trie.tokens[index])
                }
            }
            if outcome & LazyAutomaton.leaves != 0 { exits.append(Int32(node)) }
            node += 1
            if automaton.byteCount > memoryBytes { forget(top...depth, keeping: &kept) }
            if automaton.recognizer.steps > GrammarLimits.maskSteps {
                throw GrammarError(
                    .limit, "the grammar is too ambiguous: the tokens that may follow take too long to find")
            }
        }
    }

    /// Empties the automaton, but for the sets on the path.
    private mutating func forget(_ depths: ClosedRange<Int>, keeping kept: inout Int32) {
        var sets = Array(path[depths]) + [kept]
        automaton.forget(keeping: &sets)
        kept = sets.removeLast()
        path.replaceSubrange(depths, with: sets)
        epoch += 1
    }

    /// Empties the automaton where it holds too much.
    mutating func forgetIfLarge() {
        guard automaton.byteCount > memoryBytes else { return }
        var none: [Int32] = []
        automaton.forget(keeping: &none)
        epoch += 1
    }
}
