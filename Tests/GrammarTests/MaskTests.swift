import Domain
import Grammar
import Testing

@Suite struct MaskTests {
    private static let sources: [(name: String, make: @Sendable () throws -> CompiledGrammar)] = [
        ("object", { try .jsonObject() }),
        ("compact object", { try .jsonObject(whitespace: .none) }),
        (
            "bounded strings",
            { try .jsonSchema(text: #"{"type":"array","items":{"type":"string","minLength":2,"maxLength":5}}"#) }
        ),
        ("long strings", { try .jsonSchema(text: #"{"type":"string","minLength":20,"maxLength":40}"#) }),
        (
            "recursion",
            {
                try .jsonSchema(
                    text:
                        ##"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"array","items":{"$ref":"#"},"maxItems":3}},"additionalProperties":{"type":"integer"}}"##
                )
            }
        ),
        ("pattern", { try .jsonSchema(text: #"{"type":"string","pattern":"a+b|[^a]é$"}"#) }),
        ("loops in loops", { try .regex("((ab|a){2,30}c{0,3}){1,40}") }),
        ("GBNF", { try .gbnf("root ::= expr\nexpr ::= term ([-+*] term)*\nterm ::= [0-9]{1,9} | \"(\" expr \")\"") }),
        (
            "numbers",
            { try .jsonSchema(text: #"{"type":"array","items":{"type":"number","minimum":-1.5,"maximum":12.25}}"#) }
        ),
    ]

    /// The tokens whose bytes a copy of the state takes one by one.
    private func tried(_ state: GrammarState, _ vocabulary: GrammarVocabulary, special: Set<Int32>) -> [Int32] {
        (0..<Int32(vocabulary.count)).filter { token in
            if vocabulary.endTokens.contains(token) { return state.canEnd }
            let bytes = vocabulary.bytes(of: token)
            var copy = state
            return !bytes.isEmpty && !special.contains(token) && copy.accept(bytes)
        }
    }

    @Test(arguments: sources.indices, [UInt64(1), 2, 3])
    func masksAreWhatTryingEveryTokenFinds(source: Int, seed: UInt64) throws {
        let grammar = try Self.sources[source].make()
        let vocabulary = SmallVocabulary.make(seed: seed)
        let special: Set<Int32> = [Int32(vocabulary.count - 3)]
        // A small memory empties the automaton again and again.
        let masks = [
            GrammarMask(grammar, vocabulary: vocabulary), GrammarMask(grammar, vocabulary: vocabulary, memoryBytes: 0),
        ]
        var random = SeededRandom(seed: seed)
        for _ in 0..<6 {
            var state = GrammarState(grammar)
            for _ in 0..<25 {
                let expected = tried(state, vocabulary, special: special)
                for mask in masks { #expect(try mask.allowed(after: state).tokens == expected) }
                let going = expected.filter { !vocabulary.endTokens.contains($0) }
                guard let token = random.element(of: going) else { break }
                try state.take(vocabulary.bytes(of: token))
            }
        }
    }

    @Test(arguments: sources.indices) func aRebuiltStateHasTheSameMasks(source: Int) throws {
        let grammar = try Self.sources[source].make()
        let vocabulary = SmallVocabulary.make(seed: 9)
        let mask = GrammarMask(grammar, vocabulary: vocabulary)
        var random = SeededRandom(seed: 4)
        var state = GrammarState(grammar)
        var emitted: [Int32] = []
        for _ in 0..<40 {
            let rebuilt = try #require(GrammarState(grammar, acceptedTokens: emitted, vocabulary: vocabulary))
            let other = GrammarMask(grammar, vocabulary: vocabulary)
            let allowed = try mask.allowed(after: state)
            #expect(try other.allowed(after: rebuilt) == allowed)
            #expect(rebuilt.canEnd == state.canEnd)
            guard let token = random.element(of: allowed.tokens.filter { !vocabulary.endTokens.contains($0) }) else {
                break
            }
            try state.take(vocabulary.bytes(of: token))
            emitted.append(token)
        }
        #expect(!emitted.isEmpty)
    }

    @Test func tokensThatDoNotFollowAreNoState() throws {
        let vocabulary = SmallVocabulary.make()
        let grammar = try CompiledGrammar.jsonObject()
        #expect(GrammarState(grammar, acceptedTokens: [Int32(UInt8(ascii: "["))], vocabulary: vocabulary) == nil)
    }

    @Test func endTokensAreAllowedExactlyWhereTheTextMayEnd() throws {
        let vocabulary = SmallVocabulary.make()
        let end = vocabulary.endTokens[0]
        let grammar = try CompiledGrammar.regex("a{2,3}")
        let mask = GrammarMask(grammar, vocabulary: vocabulary)
        var state = GrammarState(grammar)
        var seen: [Bool] = []
        for _ in 0..<3 {
            seen.append(try mask.allowed(after: state).contains(end))
            try state.take("a".utf8)
        }
        #expect(seen == [false, false, true])
        #expect(state.isComplete)
        #expect(try mask.allowed(after: state).tokens == [end])
    }

    @Test func aRefusedTokenLeavesTheStateAsItWas() throws {
        var state = GrammarState(try CompiledGrammar.regex("abc"))
        try state.take("a".utf8)
        #expect(throws: RefusedBytes.self) { try state.take("bx".utf8) }
        try state.take("bc".utf8)
        #expect(state.canEnd)
    }

    @Test func aCharacterMayBeSplitAcrossTokens() throws {
        let vocabulary = SmallVocabulary.make()
        let grammar = try CompiledGrammar.jsonSchema(text: #"{"type":"string","maxLength":1}"#)
        let mask = GrammarMask(grammar, vocabulary: vocabulary)
        var state = GrammarState(grammar)
        for byte in "\"😀\"".utf8 {
            #expect(try mask.allowed(after: state).contains(Int32(byte)))
            try state.take([byte])
        }
        #expect(state.canEnd)
        var cut = GrammarState(grammar)
        try cut.take([0x22, 0xF0, 0x9F])
        #expect(try mask.allowed(after: cut).tokens.allSatisfy { vocabulary.bytes(of: $0).first ?? 0 >= 0x80 })
        // Surrogates, overlong forms and numbers beyond Unicode are no UTF-8.
        for bytes: [UInt8] in [[0xED, 0xA0], [0xC0], [0xE0, 0x80], [0xF4, 0x90], [0xF5], [0x80]] {
            var state = GrammarState(grammar)
            #expect(throws: RefusedBytes.self) { try state.take([0x22] + bytes) }
        }
    }

    @Test func masksSetOtherLogitsToMinusInfinity() throws {
        let vocabulary = SmallVocabulary.make()
        let grammar = try CompiledGrammar.choice(["a", "b"])
        let allowed = try GrammarMask(grammar, vocabulary: vocabulary).allowed(after: GrammarState(grammar))
        // Logits may be padded beyond the vocabulary.
        var logits = [Float](repeating: 1, count: vocabulary.count + 100)
        var span = logits.mutableSpan
        allowed.apply(to: &span)
        #expect(logits.indices.filter { logits[$0] == 1 } == [97, 98])
        #expect(logits.count { $0 == -.infinity } == logits.count - 2)
        #expect(allowed.allowedCount == 2)
        #expect(!allowed.isEmpty)
    }

    @Test func memoryStaysBounded() throws {
        let vocabulary = SmallVocabulary.make()
        let grammar = try CompiledGrammar.jsonObject()
        let mask = GrammarMask(grammar, vocabulary: vocabulary, memoryBytes: 1 << 18)
        var walk = RandomWalk(mask: mask, random: SeededRandom(seed: 5))
        for _ in 0..<40 { _ = try walk.output(steps: 60) }
        #expect(mask.byteCount < 1 << 19)
    }

    @Test func whatIsTooAmbiguousIsRefused() throws {
        // Every way to split the text is a stack of its own.
        let grammar = try CompiledGrammar.gbnf("root ::= \"a\" root root \"b\" | \"a\" root \"c\" | \"a\"")
        var state = GrammarState(grammar)
        var accepted = 0
        while accepted < 64, state.accept("a".utf8) { accepted += 1 }
        #expect(accepted > 4)
        #expect(accepted < 64)
    }
}
