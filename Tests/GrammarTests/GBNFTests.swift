import Grammar
import Testing

@Suite struct GBNFTests {
    private let json = #"""
        # A grammar for JSON.
        root   ::= object
        value  ::= object | array | string | number | ("true" | "false" | "null") ws

        object ::=
          "{" ws (
            string ":" ws value
            ("," ws string ":" ws value)*
          )? "}" ws   # with the space after it

        array  ::= "[" ws ( value ("," ws value)* )? "]" ws
        string ::=
          "\"" (
            [^"\\\x7F\x00-\x1F] |
            "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
          )* "\"" ws
        number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
        ws ::= | " " | "\n" [ \t]{0,20}
        """#

    @Test func aGrammarOfJSONWorks() throws {
        let grammar = try CompiledGrammar.gbnf(json)
        for text in ["{}", #"{"a": [1, -2.5e3, "x\u00e9\n", {"b":null}], "c": true}"#, "{\n  \"é\": []}"] {
            #expect(accepts(grammar, text), "\(text)")
        }
        for text in ["[]", "{a:1}", #"{"a":1,}"#, #"{"a":"\x"}"#, "{\"a\":\"\u{7F}\"}"] {
            #expect(!accepts(grammar, text), "\(text)")
        }
    }

    @Test func arithmeticWorks() throws {
        let grammar = try CompiledGrammar.gbnf(
            """
            root  ::= (expr "=" ws term "\\n")+
            expr  ::= term ([-+*/] term)*
            term  ::= ident | num | "(" ws expr ")" ws
            ident ::= [a-z] [a-z0-9_]* ws
            num   ::= [0-9]+ ws
            ws    ::= [ \\t\\n]*
            """)
        #expect(accepts(grammar, "a +(2*b_1) = c\n1=1\n"))
        #expect(!accepts(grammar, "a += c\n"))
        #expect(!accepts(grammar, "(a = c\n"))
    }

    @Test func listsAndRepetitionsWork() throws {
        let list = try CompiledGrammar.gbnf(
            "root ::= item+\nitem ::= \"- \" [^\\r\\n\\x0b\\x0c\\x85\\u2028\\u2029]+ \"\\n\"")
        #expect(accepts(list, "- a\n- é😀 b\n"))
        #expect(!accepts(list, "- a\n-b\n"))
        #expect(!accepts(list, "- \u{2028}\n"))
        let counted = try CompiledGrammar.gbnf("root ::= \"ab\"{2} [x-z]{1,} .?")
        for text in ["ababx", "ababzyé", "ababx\n"] { #expect(accepts(counted, text), "\(text)") }
        for text in ["abx", "abab", "ababababx"] { #expect(!accepts(counted, text), "\(text)") }
    }

    @Test func escapesStandForCharacters() throws {
        let grammar = try CompiledGrammar.gbnf(#"root ::= "\x41\u00e9\U0001F600\"\\\n" [\]\-\\^]"#)
        for last in ["]", "-", "\\", "^"] { #expect(accepts(grammar, "Aé😀\"\\\n" + last)) }
    }

    @Test func rightRecursionNeedsNoStack() throws {
        let grammar = try CompiledGrammar.gbnf("root ::= \"a\" root | \"b\"")
        var state = GrammarState(grammar)
        for _ in 0..<5_000 { try state.take("a".utf8) }
        try state.take("b".utf8)
        #expect(state.isComplete)
    }

    @Test(arguments: [
        ("root ::= \"a\"\nb = \"c\"", "line 2"), ("root ::= x\n\n# y\nx ::= nowhere", "line 4: the rule nowhere"),
        ("root ::= \"a", "line 1"), ("root ::= [a", "line 1"), ("root ::= (\"a\"\n", "line 2"),
        ("a ::= \"b\"", "root is not defined"),
        ("root ::= \"a\"\nroot ::= \"b\"", "line 2: the rule root is defined twice"),
        ("root ::= \"\\q\"", "line 1: the escape \\q"), ("root ::=\n  \"a\"{2", "line 2"),
        ("root ::= \"a\"{3,2}", "line 1"),
        ("root ::= [z-a]", "line 1"), ("root ::= \"a\" )", "line 1"), ("", "root is not defined"),
    ])
    func errorsNameTheLine(grammar: String, text: String) throws {
        let error = try #require(failure { () throws(GrammarError) in try .gbnf(grammar) })
        #expect(error.code == .invalid && error.message.contains(text), "\(error)")
    }

    @Test(arguments: [
        "root ::= root \"a\" | \"b\"", "root ::= x \"a\" | \"b\"\nx ::= y?\ny ::= root",
        "root ::= \"\" root \"b\" | \"a\"",
        "root ::= ws* root \"a\" | \"b\"\nws ::= \" \"",
    ])
    func leftRecursionIsRefused(grammar: String) throws {
        let error = try #require(failure { () throws(GrammarError) in try .gbnf(grammar) })
        #expect(error.code == .unsupported && error.message.contains("begins with itself"), "\(error)")
    }

    @Test func whatNeverEndsIsRefused() {
        #expect(failure { () throws(GrammarError) in try .gbnf("root ::= \"a\" root") }?.code == .unsatisfiable)
        #expect(failure { () throws(GrammarError) in try .gbnf("root ::= <[12]>") }?.code == .unsupported)
    }
}
