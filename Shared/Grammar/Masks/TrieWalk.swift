/// Walks a trie and an automaton together, and notes the tokens that the automaton takes.
struct TrieWalk {
    var automaton: LazyAutomaton
    /// Tokens that were taken.
    private(set) var allowed: [Int32] = []
    /// Nodes of the trie at which the rule had ended.
    private(set) var exits: [Int32] = []
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

    /// Finds the part of a mask that follows a set on a frame of which nothing is known.
    ///
    /// - Parameter kept: Another set, whose number is replaced where the automaton had to be emptied.
    mutating func part(from set: Int32, keeping kept: inout Int32, tokenCount: Int) throws(GrammarError) -> MaskPart {
        let last = try walkAll(from: set, onlyLongerThan: 0, keeping: &kept)
        return MaskPart(
            allowed: TokenList(allowed, tokenCount: tokenCount), last: TokenList(last, tokenCount: tokenCount),
            exits: exits.filter { trie.nodes[Int($0)].end > $0 + 1 })
    }

    /// Finds the part of a mask of which that for tokens of up to `length` bytes is known.
    mutating func part(
        from set: Int32, like known: MaskPart, upTo length: Int, keeping kept: inout Int32, tokenCount: Int
    ) throws(GrammarError) -> MaskPart {
        let last = try walkAll(from: set, onlyLongerThan: length, keeping: &kept)
        let longer = trie.longer(than: length)
        let exits = exits.filter {
            trie.nodes[Int($0)].end > $0 + 1 && Int(trie.nodes[Int($0)].depth) > length
        }
        return MaskPart(
            allowed: TokenList(known.allowed, removing: longer, adding: allowed, tokenCount: tokenCount),
            last: TokenList(known.last, removing: longer, adding: last, tokenCount: tokenCount),
            exits: known.exits.filter { Int(trie.nodes[Int($0)].depth) <= length } + exits)
    }

    /// Walks the whole trie, or the ways to tokens of more than a number of bytes; returns the tokens that end the rule.
    private mutating func walkAll(
        from set: Int32, onlyLongerThan length: Int, keeping kept: inout Int32
    ) throws(GrammarError) -> [Int32] {
        allowed.removeAll(keepingCapacity: true)
        exits.removeAll(keepingCapacity: true)
        path[0] = set
        try walk(from: 1, to: Int(trie.nodes[0].end), onlyLongerThan: length, keeping: &kept)
        var last: [Int32] = []
        for exit in exits {
            let tokens = Int(trie.nodes[Int(exit)].firstToken)..<Int(trie.nodes[Int(exit) + 1].firstToken)
            last.append(contentsOf: trie.tokens[tokens])
        }
        return last
    }

    /// Finds the tokens below nodes at which a rule has ended that can follow `base`.
    mutating func walkExits(_ nodes: [Int32], base: Int32) throws(GrammarError) {
        allowed.removeAll(keepingCapacity: true)
        var base = base
        for exit in nodes {
            let node = trie.nodes[Int(exit)]
            path[Int(node.depth)] = base
            try walk(from: Int(exit) + 1, to: Int(node.end), onlyLongerThan: 0, keeping: &base)
        }
    }

    private mutating func walk(
        from first: Int, to end: Int, onlyLongerThan length: Int, keeping kept: inout Int32
    ) throws(GrammarError) {
        guard first < end else { return }
        let trie = trie
        let nodes = trie.nodes.span
        let tokens = trie.tokens.span
        let classes = automaton.grammar.byteClasses
        let top = Int(nodes[first].depth) - 1
        var computed = automaton.computed
        var index = first
        while index < end {
            let node = nodes[index]
            let depth = Int(node.depth)
            if depth + Int(node.height) <= length {
                index = Int(node.end)
                continue
            }
            let before = path[depth - 1]
            var next = automaton.next(before, classes[Int(node.byte)])
            if next == LazyAutomaton.dead {
                index = Int(node.end)
                continue
            }
            var outcome = automaton.outcomes[Int(next)]
            if outcome & LazyAutomaton.counts != 0 {
                next = automaton.relaxed(next, height: node.height)
                outcome = automaton.outcomes[Int(next)]
            }
            path[depth] = next
            if next == before, outcome == LazyAutomaton.isAlive, node.kindsBelow & ~automaton.kindsLooping(next) == 0 {
                // Nothing below leads away from here: all tokens of the branch are taken, and they are neighbours.
                index = Int(node.end)
                allowed.append(contentsOf: trie.tokens[Int(node.firstToken)..<Int(nodes[index].firstToken)])
                continue
            }
            if outcome & LazyAutomaton.isAlive != 0 {
                for token in Int(node.firstToken)..<Int(nodes[index + 1].firstToken) { allowed.append(tokens[token]) }
            }
            if outcome & LazyAutomaton.leaves != 0 { exits.append(Int32(index)) }
            index += 1
            if computed != automaton.computed {
                if automaton.byteCount > memoryBytes { forget(top...depth, keeping: &kept) }
                try automaton.checkSteps()
                computed = automaton.computed
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
