/// Computes which tokens may follow a state of one grammar, and keeps what it has computed.
///
/// A state is a set of stacks. For each group of stacks with one frame below the current rule, the part of the answer that
/// does not depend on that frame is computed once and kept for every stack on which the same positions stand; only the
/// tokens that end the rule are tried against the real frames. Whole masks are kept by state. What is kept is bounded.
///
/// One thread uses it at a time.
public final class GrammarMask {
    /// The vocabulary of the masks.
    public let vocabulary: GrammarVocabulary
    /// The grammar of the masks.
    public let grammar: CompiledGrammar
    private var trieWalk: TrieWalk
    private var masks = MaskCache<TokenMask>()
    private var parts = MaskCache<MaskPart>()
    /// The epoch of the numbers by which masks and parts are kept.
    private var epoch = 0
    private let cacheBytes: Int

    /// Makes masks for a grammar.
    ///
    /// - Parameters:
    ///   - grammar: The grammar.
    ///   - vocabulary: The vocabulary.
    ///   - memoryBytes: About how much memory may be held, in bytes; at least 256 KiB are.
    public init(_ grammar: CompiledGrammar, vocabulary: GrammarVocabulary, memoryBytes: Int = 64 << 20) {
        self.grammar = grammar
        self.vocabulary = vocabulary
        let memoryBytes = max(memoryBytes, 1 << 18)
        trieWalk = TrieWalk(grammar, vocabulary.trie, memoryBytes: memoryBytes / 2)
        cacheBytes = memoryBytes / 4
    }

    /// About how much memory is held now, in bytes.
    public var byteCount: Int { trieWalk.automaton.byteCount + masks.byteCount + parts.byteCount }

    /// The tokens that may come next; those that end the output are among them exactly where the text may end.
    ///
    /// - Throws: `limit` where the grammar is so ambiguous that the answer would take too long.
    public func allowed(after state: GrammarState) throws(GrammarError) -> TokenMask {
        precondition(state.grammar === grammar, "the state is one of another grammar")
        trieWalk.automaton.recognizer.steps = 0
        trieWalk.forgetIfLarge()
        if let known = masks[number(of: state)] { return known }
        var mask = TokenMask(tokenCount: vocabulary.count)
        for (frame, group) in groups(of: state.positions) { try add(group, on: frame, of: state, to: &mask) }
        if state.canEnd {
            for token in vocabulary.endTokens { mask.insert(token) }
        }
        // The state may have another number than before.
        let number = number(of: state)
        masks.insert(mask, for: number, bytes: mask.words.count * 8 + 64, limit: cacheBytes)
        return mask
    }

    private func number(of state: GrammarState) -> Int32 {
        let copied = state.table.copying(state.positions, to: &trieWalk.automaton.table).sorted()
        let number = trieWalk.automaton.number(of: copied)
        dropOldEpoch()
        return number
    }

    /// Masks and parts are kept by numbers that end with the epoch.
    private func dropOldEpoch() {
        guard epoch != trieWalk.epoch else { return }
        epoch = trieWalk.epoch
        masks = MaskCache()
        parts = MaskCache()
    }

    /// Positions by the frame on which they stand, with counts and frames replaced by what stands for them in kept parts.
    private func groups(of positions: [StackPosition]) -> [Int32: [StackPosition]] {
        var groups: [Int32: [StackPosition]] = [:]
        for position in positions where position.node != StackPosition.ended {
            groups[position.frame, default: []].append(
                StackPosition(node: position.node, count: position.count, frame: StackTable.unknown))
        }
        return groups.mapValues { grammar.relaxed($0, height: vocabulary.trie.longest) }
    }

    private func add(
        _ group: [StackPosition], on frame: Int32, of state: GrammarState, to mask: inout TokenMask
    ) throws(GrammarError) {
        let end = [StackPosition(node: StackPosition.ended, count: 0, frame: frame)]
        let copied = state.table.copying(end, to: &trieWalk.automaton.table)
        // The set with which the stack goes on after the end of the rule.
        var base = trieWalk.automaton.closed(copied)
        let part = try part(of: group, keeping: &base)
        part.allowed.add(to: &mask)
        guard base != LazyAutomaton.dead else { return }
        part.last.add(to: &mask)
        guard !part.exits.isEmpty, trieWalk.automaton.canGoOn(base) else { return }
        try trieWalk.walkExits(part.exits, base: base)
        mask.insert(trieWalk.allowed)
    }

    private func part(of group: [StackPosition], keeping base: inout Int32) throws(GrammarError) -> MaskPart {
        dropOldEpoch()
        let key = trieWalk.automaton.number(of: group)
        if let known = parts[key] { return known }
        let part = try trieWalk.part(from: key, keeping: &base, tokenCount: vocabulary.count)
        dropOldEpoch()
        let current = trieWalk.automaton.number(of: group)
        parts.insert(part, for: current, bytes: part.byteCount, limit: cacheBytes)
        return part
    }
}
