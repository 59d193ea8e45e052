import Domain
import Grammar

/// Whether a grammar takes a whole text.
func accepts(_ grammar: CompiledGrammar, _ text: String) -> Bool {
    var state = GrammarState(grammar)
    return state.accept(text.utf8) && state.canEnd
}

/// The error of a compilation that must fail.
func failure(_ compile: () throws(GrammarError) -> CompiledGrammar) -> GrammarError? {
    do {
        _ = try compile()
        return nil
    } catch {
        return error
    }
}

/// Bytes that a grammar should have allowed.
struct RefusedBytes: Error {
    var bytes: [UInt8]
}

extension GrammarState {
    /// Moves on by bytes that the grammar must allow.
    mutating func take(_ bytes: some Sequence<UInt8>) throws(RefusedBytes) {
        let bytes = Array(bytes)
        guard accept(bytes) else { throw RefusedBytes(bytes: bytes) }
    }
}

/// Small vocabularies: every byte, then strings of several bytes, then a special token and one that ends an output.
enum SmallVocabulary {
    static func strings(_ more: [String], seed: UInt64, random count: Int) -> [[UInt8]] {
        var random = SeededRandom(seed: seed)
        var strings = (UInt8.min...UInt8.max).map { [$0] } + more.map { Array($0.utf8) }
        let alphabet = Array("{}[]\",:\\ ntrue0123456789.-+eabcxyzé€😀\n_".utf8)
        for _ in 0..<count {
            let length = 2 + random.below(6)
            strings.append((0..<length).map { _ in alphabet[random.below(alphabet.count)] })
        }
        return strings
    }

    static let fragments = [
        "{\"", "\":", "\",\"", "\"}", "}}", "[[", "]]", "],", "true", "false", "null", "nu", "ll", "name", "age", " \"",
        ": ", ", ", ",\n", "\n  ", "\\u", "\\\"", "00", "12", "123", "-1", "0.5", "e+", "abc", "ab", "bc", "é", "😀",
        "€uro", "}\n", "{}", "[]", "\"\"", "a\"", "a\":", "foo", "bar", "2024-", "-01",
    ]

    static func make(seed: UInt64 = 1, random count: Int = 400) -> GrammarVocabulary {
        let strings = strings(fragments, seed: seed, random: count)
        let first = Int32(strings.count)
        return GrammarVocabulary(
            tokens: strings + [Array("<pad>".utf8), Array("{\"".utf8), []], special: [first], end: [first + 1])
    }
}

/// A walk through a grammar that takes allowed tokens at random.
struct RandomWalk {
    let mask: GrammarMask
    var random: SeededRandom

    /// The tokens of an output that ended; `nil` where it became too long. Later ones are drawn towards an end.
    mutating func output(steps: Int) throws -> [Int32]? {
        var state = GrammarState(mask.grammar)
        var output: [Int32] = []
        for step in 0..<steps {
            let allowed = try mask.allowed(after: state).tokens
            guard !allowed.isEmpty else { return nil }
            if step > 12, state.canEnd { return output }
            var token = allowed[random.below(allowed.count)]
            if step > 12 {
                // Closing tokens first, so that the walk ends.
                let closing = allowed.filter { "\"]},:".utf8.contains(mask.vocabulary.bytes(of: $0).first ?? 0) }
                token = random.element(of: closing.filter { mask.vocabulary.bytes(of: $0).count == 1 }) ?? token
            }
            if mask.vocabulary.endTokens.contains(token) { return output }
            guard state.accept(mask.vocabulary.bytes(of: token)) else { return nil }
            output.append(token)
        }
        return nil
    }
}
