import Grammar
import Testing

@Suite struct RegexTests {
    @Test(
        arguments: [
            ("abc", ["abc"], ["", "ab", "abcd", "xabc"]),
            ("a|bc|", ["a", "bc", ""], ["b", "abc"]),
            ("^a+$", ["a", "aaa"], ["", "b"]),
            ("^a|b$", ["a", "b"], ["ab"]),
            ("(ab)*c?", ["", "abab", "abc", "c"], ["a", "cc"]),
            ("(?:a|b){2,3}", ["ab", "bbb"], ["a", "abab"]),
            ("(?<year>\\d{4})-(?P<m>\\d\\d)", ["2024-05"], ["204-05", "2024-5"]),
            ("a{2}b{1,}c{,2}", ["aab", "aabbcc"], ["ab", "aa", "aabccc"]),
            ("a*?b+?c??", ["b", "aabbc"], ["a", "c"]),
            ("[a-c_-]+", ["a-_c"], ["d", ""]),
            ("[^a-c\\d]", ["d", "é", "😀", "\n"], ["a", "5", "dd"]),
            ("[\\w.]+@x\\.y", ["a_1.b@x.y"], ["@x.y", "a@xzy"]),
            ("\\s\\S\\D\\W", [" ab-", "\tx!?"], ["aab-", " a1-"]),
            (".{3}", ["aé😀"], ["a\nb", "ab"]),
            ("\\x41\\u00e9\\n\\[\\\\", ["Aé\n[\\"], ["A"]),
            ("a{x}", ["a{x}"], ["a"]),
            ("[é-ü]+", ["éêü"], ["e", "ý"]),
            ("(a|ab)(c|bcd)(d*)", ["abcd", "acd", "abcdd", "ac"], ["ab", "bcd"]),
            ("(a*)*b", ["b", "aaab"], ["a"]),
            ("((a?){3}b){2}", ["bb", "aabaaab"], ["aaaabb", "b"]),
            ("[]\\]]?", [], [""]),
        ] as [(String, [String], [String])])
    func textsAreMatchedAsAWhole(pattern: String, accepted: [String], refused: [String]) throws {
        if accepted.isEmpty {
            #expect(failure { () throws(GrammarError) in try .regex(pattern) }?.code == .invalid)
            return
        }
        let grammar = try CompiledGrammar.regex(pattern)
        for text in accepted { #expect(accepts(grammar, text), "\(text) by \(pattern)") }
        for text in refused { #expect(!accepts(grammar, text), "\(text) by \(pattern)") }
    }

    @Test(arguments: [
        ("a(?=b)", "lookahead"), ("a(?!b)", "lookahead"), ("(?<=a)b", "lookbehind"), ("(?<!a)b", "lookbehind"),
        ("(a)\\1", "backreference"), ("(?P<n>a)(?P=n)", "backreference"), ("\\bword", "word boundary"),
        ("\\p{L}", "Unicode property"), ("(?i)a", "flags"), ("a++", "possessive"), ("a(^b)", "^"), ("(a$)", "$"),
        ("[[:alpha:]]", "[:"), ("\\Aa", "escape"),
    ])
    func whatIsNotRegularIsRefusedByName(pattern: String, name: String) throws {
        let error = try #require(failure { () throws(GrammarError) in try .regex(pattern) })
        #expect(error.code == .unsupported && error.message.contains(name), "\(error)")
    }

    @Test(arguments: ["(", ")", "a)", "[a", "[z-a]", "*a", "a**", "a{3,2}", "\\", "\\x4", "[]", "a$b"])
    func whatIsMalformedIsInvalid(pattern: String) throws {
        let error = try #require(failure { () throws(GrammarError) in try .regex(pattern) })
        #expect(error.code == .invalid, "\(error)")
    }

    @Test func aChoiceIsOneOfItsTexts() throws {
        let grammar = try CompiledGrammar.choice(["yes", "yesterday", "no", "", "é"])
        for text in ["yes", "yesterday", "no", "", "é"] { #expect(accepts(grammar, text)) }
        for text in ["yest", "n", "yesno"] { #expect(!accepts(grammar, text)) }
        #expect(failure { () throws(GrammarError) in try .choice([]) }?.code == .unsatisfiable)
    }
}
