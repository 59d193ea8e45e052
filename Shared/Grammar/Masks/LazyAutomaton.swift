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
        outcomes.append((set.count > ended ? Self.isAlive : 0) | (ended > 0 ? Self.leaves : 0))
        positionCount += set.count
        byteCount = ways.count * 4 + positionCount * 24 + sets.count * 160 + table.frames.count * 64
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
        let byte = grammar.classBytes[Int(byteClass)]
        let moved = recognizer.advanced(sets[Int(set)], by: byte, in: grammar, &table)
        let next = number(of: moved)
        ways[Int(set) * classCount + Int(byteClass)] = next
        return next
    }

    /// Forgets everything but some sets, whose numbers are replaced.
    mutating func forget(keeping kept: inout [Int32]) {
        var fresh = LazyAutomaton(grammar)
        fresh.recognizer = recognizer
        for index in kept.indices {
            let copied = table.copying(sets[Int(kept[index])], to: &fresh.table)
            kept[index] = fresh.number(of: copied.sorted())
        }
        self = fresh
    }
}
