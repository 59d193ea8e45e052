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
        let groups = StateGroups(state, longestToken: vocabulary.trie.longest)
        for (frame, group) in groups.groups { try add(group, of: groups, on: frame, of: state, to: &mask) }
        if state.canEnd {
            for token in vocabulary.endTokens { mask.insert(token) }
        }
        // The state may have another number than before.
        let number = number(of: state)
        masks.insert(mask, for: number, bytes: mask.words.count * 8 + 64, limit: cacheBytes)
        return mask
    }

    private func number(of state: GrammarState) -> Int32 {
        dropOldEpoch()
        return number(of: state.positions, state.table)
    }

    /// Masks and parts are kept by numbers that end with the epoch.
    private func dropOldEpoch() {
        guard epoch != trieWalk.epoch else { return }
        epoch = trieWalk.epoch
        masks = MaskCache()
        parts = MaskCache()
    }

    private func add(
        _ group: [StackPosition], of groups: StateGroups, on frame: Int32, of state: GrammarState,
        to mask: inout TokenMask
    ) throws(GrammarError) {
        let end = [StackPosition(node: StackPosition.ended, count: 0, frame: frame)]
        let copied = state.table.copying(end, to: &trieWalk.automaton.table)
        // The set with which the stack goes on after the end of the rule.
        var base = trieWalk.automaton.closed(copied)
        let part = try part(of: group, groups.table, keeping: &base)
        part.allowed.add(to: &mask)
        guard base != LazyAutomaton.dead else { return }
        part.last.add(to: &mask)
        guard !part.exits.isEmpty, trieWalk.automaton.canGoOn(base) else { return }
        try trieWalk.walkExits(part.exits, base: base)
        mask.insert(trieWalk.allowed)
    }

    private func part(
        of group: [StackPosition], _ table: StackTable, keeping base: inout Int32
    ) throws(GrammarError) -> MaskPart {
        dropOldEpoch()
        let key = number(of: group, table)
        if let known = parts[key] { return known }
        let part = try computedPart(of: group, table, keeping: &base)
        dropOldEpoch()
        // The group may have another number than before.
        parts.insert(part, for: number(of: group, table), bytes: part.byteCount, limit: cacheBytes)
        return part
    }

    /// Near a bound of a loop only tokens that are long enough to reach it are looked at: for the others it is far.
    private func computedPart(
        of group: [StackPosition], _ table: StackTable, keeping base: inout Int32
    ) throws(GrammarError) -> MaskPart {
        let slack = group.compactMap { grammar.slack(count: $0.count, at: $0.node) }.min() ?? 0
        let length = Int(slack)
        var far: MaskPart?
        if slack >= Self.smallestSlack {
            far = try part(of: grammar.relaxed(group, height: length), table, keeping: &base)
        }
        // Where few tokens are allowed, as in numbers, it is quicker to find them anew.
        guard let far, far.allowed.areMany else {
            return try trieWalk.part(from: number(of: group, table), keeping: &base, tokenCount: vocabulary.count)
        }
        return try trieWalk.part(
            from: number(of: group, table), like: far, upTo: length, keeping: &base, tokenCount: vocabulary.count)
    }

    /// With fewer bytes to the bound most tokens could reach it.
    private static let smallestSlack: Int32 = 3

    private func number(of positions: [StackPosition], _ table: StackTable) -> Int32 {
        trieWalk.automaton.number(of: table.copying(positions, to: &trieWalk.automaton.table).sorted())
    }
}
