import Domain
import Grammar
import Testing

/// Texts, control tokens and schemas put together.
struct FormatTests {
    private func compile(_ format: String) throws -> CompiledGrammar {
        try CompiledGrammar.compile(SamplingConstraint(.format, format))
    }

    @Test func partsFollowEachOther() throws {
        let grammar = try compile(
            #"{"sequence":[{"text":"a"},{"choice":[{"text":"b"},{"regex":"[0-9]{2}"}]},{"json_schema":{"type":"boolean"}}]}"#
        )
        #expect(accepts(grammar, "abtrue") && accepts(grammar, "a12false"))
        #expect(!accepts(grammar, "a1true") && !accepts(grammar, "ab") && !accepts(grammar, "abnull"))
    }

    @Test func listsHaveSeparatorsAndBounds() throws {
        let grammar = try compile(#"{"list":{"of":{"text":"x"},"separator":", ","least":1,"most":3}}"#)
        for (text, isGood) in [("x", true), ("x, x, x", true), ("", false), ("x,x", false), ("x, x, x, x", false)] {
            #expect(accepts(grammar, text) == isGood, "\(text)")
        }
        let open = try compile(#"{"list":{"of":{"text":"x"}}}"#)
        #expect(accepts(open, "") && accepts(open, String(repeating: "x", count: 50)))
    }

    /// References stay within their own schema.
    @Test func schemasDoNotKnowEachOther() throws {
        let schema = { (type: String) in
            ##"{"json_schema":{"$ref":"#/$defs/a","$defs":{"a":{"type":"\##(type)"}}}}"##
        }
        let grammar = try compile(#"{"sequence":[\#(schema("null")),{"text":" "},\#(schema("boolean"))]}"#)
        #expect(accepts(grammar, "null true") && !accepts(grammar, "null null"))
    }

    @Test(arguments: [
        ("<tool_call>!", true), ("a<<tool_<tool_call>!", true), ("<tool_call><tool_call>!", false),
        ("<tool_calé <tool_call>!", true), ("<tool_call>x", false), ("<<<<tool_call>!", true), ("<tool_call!", false),
    ])
    func aMarkEndsFreeText(text: String, isGood: Bool) throws {
        let grammar = try compile(#"{"sequence":[{"text_without":"<tool_call>"},{"text":"<tool_call>!"}]}"#)
        #expect(accepts(grammar, text) == isGood)
    }

    /// A control token is allowed where the format has it, and nowhere else; nothing else may stand for it.
    @Test func controlTokensAreNoText() throws {
        let tokens = (UInt8.min...UInt8.max).map { [$0] } + [Array("[CALL]".utf8), Array("</s>".utf8)]
        let vocabulary = GrammarVocabulary(
            count: tokens.count, end: [257], isControl: { $0 >= 256 }, piece: { tokens[Int($0)] })
        let grammar = try compile(#"{"sequence":[{"regex":"[a-c]*"},{"token":"[CALL]"},{"regex":"[\\s\\S]*"}]}"#)
        let mask = GrammarMask(grammar, vocabulary: vocabulary)
        let start = try mask.allowed(after: GrammarState(grammar)).tokens
        #expect(start == [97, 98, 99, 256])
        let called = try #require(GrammarState(grammar, acceptedTokens: [97, 256], vocabulary: vocabulary))
        let after = try mask.allowed(after: called)
        #expect(after.contains(257) && after.contains(91) && !after.contains(256) && !after.contains(255))
        #expect(
            GrammarState(grammar, acceptedTokens: Array("[CALL]".utf8).map(Int32.init), vocabulary: vocabulary) == nil)
    }

    @Test(arguments: [
        "{}", "[]", "5", #"{"text":1}"#, #"{"other":"a"}"#, #"{"text":"a","token":"b"}"#, #"{"choice":[]}"#,
        #"{"list":{"least":1}}"#, #"{"list":{"of":{"text":"a"},"least":3,"most":2}}"#, #"{"text_without":""}"#,
        #"{"text_without":"aba"}"#, #"{"token":""}"#, #"{"json_schema":{"not":{}}}"#, #"{"regex":"("}"#,
        String(repeating: #"{"sequence":["#, count: 70) + String(repeating: "]}", count: 70),
    ])
    func refuses(format: String) {
        #expect(
            failure { () throws(GrammarError) in try CompiledGrammar.compile(SamplingConstraint(.format, format)) }
                != nil)
    }

    @Test func everyKindIsCompiled() throws {
        let texts: [SamplingConstraint.Kind: (String, String)] = [
            .jsonSchema: (#"{"type":"null"}"#, "null"), .jsonObject: ("", "{}"), .grammar: (#"root ::= "a""#, "a"),
            .regex: ("a+", "aa"), .choice: (#"["a","b"]"#, "b"), .format: (#"{"text":"a"}"#, "a"),
        ]
        for kind in SamplingConstraint.Kind.allCases {
            let (source, text) = try #require(texts[kind])
            #expect(accepts(try CompiledGrammar.compile(SamplingConstraint(kind, source)), text), "\(kind)")
        }
        let long = String(repeating: "a", count: SamplingConstraint.maximumBytes + 1)
        let error = failure { () throws(GrammarError) in try CompiledGrammar.compile(SamplingConstraint(.regex, long)) }
        #expect(error?.code == .limit)
    }
}
