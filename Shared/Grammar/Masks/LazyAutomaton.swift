/// Sets of positions that were met, numbered, with the ways between them: computed when they are first needed.
struct LazyAutomaton {
    /// The number of the empty set, from which nothing follows.
    static let dead: Int32 = 0
    private static let unknown: Int32 = -1

    let grammar: CompiledGrammar
    var table = StackTable()
    var recognizer = Recognizer()
    private(set) var sets: [[StackPosition]] = []
    private var numbers: [[StackPosition]: Int32] = [:]
    /// The next set by set and class of byte.
    private var ways: [Int32] = []
    /// What a set says about the token before it: ``isAlive`` and ``leaves``.
    private(set) var outcomes: [UInt8] = []
    /// The set has positions beside those of stacks that have left the rule.
    static let isAlive: UInt8 = 1
    /// A stack has ended at the frame of which nothing is known.
    static let leaves: UInt8 = 2
    /// A position counts the runs of its loop.
    static let counts: UInt8 = 4
    /// The kinds of bytes of which each leads the set to itself, and whether they are known.
    private var loopingKinds: [UInt8] = []
    private static let isKnown: UInt8 = 0x80
    /// What stands for a counting set.
    private var relaxations: [Relaxation] = []
    /// What stands for a set of which some counts are replaced, by set and number of bytes that may follow.
    private var partialRelaxations: [UInt64: Int32] = [:]

    private struct Relaxation {
        /// With up to so many bytes to follow, all counts are replaced.
        var full: Int32 = -1
        /// With more bytes to follow than these, none is.
        var partial: Int32 = -1
        /// The set with all counts replaced, once it is known.
        var set = LazyAutomaton.unknown
    }
    /// Changes whenever something is computed that was not known.
    private(set) var computed = 0
    private let classCount: Int
    private var positionCount = 0
    /// About how much memory is held, in bytes.
    private(set) var byteCount = 0

    init(_ grammar: CompiledGrammar) {
        self.grammar = grammar
        classCount = grammar.classBytes.count
        _ = number(of: [])
    }

    mutating func number(of set: [StackPosition]) -> Int32 {
        if let known = numbers[set] { return known }
        let number = Int32(sets.count)
        sets.append(set)
        numbers[set] = number
        ways.append(contentsOf: repeatElement(Self.unknown, count: classCount))
        let ended = set.count { $0.node == StackPosition.ended && $0.frame == StackTable.unknown }
        let slacks = set.compactMap { grammar.slack(count: $0.count, at: $0.node) }
        relaxations.append(Relaxation(full: slacks.min() ?? -1, partial: slacks.max() ?? -1))
        outcomes.append(
            (set.count > ended ? Self.isAlive : 0) | (ended > 0 ? Self.leaves : 0) | (slacks.isEmpty ? 0 : Self.counts))
        loopingKinds.append(0)
        positionCount += set.count
        byteCount =
            partialRelaxations.count * 32 + ways.count * 4 + positionCount * 24 + sets.count * 160 + table.frames.count
            * 64
        return number
    }

    /// The set that is reached from positions without a byte.
    mutating func closed(_ positions: [StackPosition]) -> Int32 {
        number(of: recognizer.closed(positions, in: grammar, &table))
    }

    /// The set after a byte of a class.
    @inline(__always)
    mutating func next(_ set: Int32, _ byteClass: UInt8) -> Int32 {
        let known = ways[Int(set) * classCount + Int(byteClass)]
        return known != Self.unknown ? known : compute(set, byteClass)
    }

    private mutating func compute(_ set: Int32, _ byteClass: UInt8) -> Int32 {
        computed &+= 1
        let byte = grammar.classBytes[Int(byteClass)]
        let moved = recognizer.advanced(sets[Int(set)], by: byte, in: grammar, &table)
        let next = number(of: moved)
        ways[Int(set) * classCount + Int(byteClass)] = next
        return next
    }

    /// Whether a set takes any byte.
    func canGoOn(_ set: Int32) -> Bool { sets[Int(set)].contains { $0.node != StackPosition.ended } }

    /// Throws where one mask has taken too many steps.
    func checkSteps() throws(GrammarError) {
        guard recognizer.steps > GrammarLimits.maskSteps else { return }
        throw GrammarError(.limit, "the grammar is too ambiguous: the tokens that may follow take too long to find")
    }

    /// The kinds of bytes of which each leads a set to itself, one bit each.
    mutating func kindsLooping(_ set: Int32) -> UInt8 {
        let known = loopingKinds[Int(set)]
        if known & Self.isKnown != 0 { return known & ~Self.isKnown }
        var kinds: UInt8 = 0
        for kind in 0..<TokenTrie.kindCount { kinds |= 1 << kind }
        for byte in UInt8.min...UInt8.max {
            let kind = TokenTrie.kind(of: byte)
            guard kinds & 1 << kind != 0 else { continue }
            if next(set, grammar.byteClasses[Int(byte)]) != set { kinds &= ~(1 << kind) }
        }
        loopingKinds[Int(set)] = kinds | Self.isKnown
        return kinds
    }

    /// The set with counts replaced that no bound can tell apart within so many bytes.
    mutating func relaxed(_ set: Int32, height: UInt16) -> Int32 {
        let known = relaxations[Int(set)]
        guard Int32(height) <= known.partial else { return set }
        let isFull = Int32(height) <= known.full
        if isFull, known.set != Self.unknown { return known.set }
        let key = UInt64(UInt32(bitPattern: set)) << 16 | UInt64(height)
        if !isFull, let number = partialRelaxations[key] { return number }
        computed &+= 1
        let positions = sets[Int(set)]
        // Sorting and looking up is work, too.
        recognizer.steps += 2 * positions.count
        let number = number(of: grammar.relaxed(positions, height: Int(height)))
        if isFull { relaxations[Int(set)].set = number } else { partialRelaxations[key] = number }
        return number
    }

    /// Forgets everything but some sets, whose numbers are replaced.
    mutating func forget(keeping kept: inout [Int32]) {
        var fresh = LazyAutomaton(grammar)
        fresh.recognizer = recognizer
        fresh.computed = computed &+ 1
        for index in kept.indices {
            let copied = table.copying(sets[Int(kept[index])], to: &fresh.table)
            kept[index] = fresh.number(of: copied.sorted())
        }
        self = fresh
    }
}
