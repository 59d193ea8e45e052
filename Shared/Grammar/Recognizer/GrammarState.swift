/// How far a text has come in a grammar: a value that is moved on with what is emitted, and that only depends on it.
public struct GrammarState: Sendable {
    /// The grammar.
    public let grammar: CompiledGrammar
    private(set) var table = StackTable()
    private(set) var positions: [StackPosition] = []
    private var recognizer = Recognizer()
    /// With fewer frames than this, those that are no longer used are kept.
    private static let fewFrames = 256

    /// The state before the first byte.
    public init(_ grammar: CompiledGrammar) {
        self.grammar = grammar
        let first = StackPosition(node: grammar.start, count: 0, frame: StackTable.root)
        positions = recognizer.closed([first], in: grammar, &table)
    }

    /// The state after tokens that were emitted, the same as that of the sequence that emitted them.
    ///
    /// - Parameters:
    ///   - grammar: The grammar.
    ///   - acceptedTokens: Tokens of the output, without those that end it.
    ///   - vocabulary: What the tokens stand for.
    /// - Returns: `nil` where the tokens do not follow the grammar.
    public init?(_ grammar: CompiledGrammar, acceptedTokens: some Sequence<Int32>, vocabulary: GrammarVocabulary) {
        self.init(grammar)
        for token in acceptedTokens {
            guard accept(vocabulary.bytes(of: token)) else { return nil }
        }
    }

    /// Whether the text may end here.
    public var canEnd: Bool { positions.contains { $0.node == StackPosition.ended } }

    /// Whether nothing but the end can follow.
    public var isComplete: Bool { !positions.isEmpty && positions.allSatisfy { $0.node == StackPosition.ended } }

    /// Moves on by the bytes of a token, which may end within a character.
    ///
    /// - Returns: Whether the grammar allows them; if not, the state is as before.
    public mutating func accept(_ bytes: some Sequence<UInt8>) -> Bool {
        var moved = positions
        for byte in bytes {
            moved = recognizer.advanced(moved, by: byte, in: grammar, &table)
            if moved.isEmpty { return false }
        }
        positions = moved
        if table.frames.count > Self.fewFrames { compact() }
        return true
    }

    private mutating func compact() {
        var kept = StackTable()
        positions = table.copying(positions, to: &kept)
        table = kept
    }
}
