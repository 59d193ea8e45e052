import Grammar
import Testing

@Suite struct SchemaTests {
    struct Case: Sendable {
        var schema: String
        var accepted: [String]
        var refused: [String]
    }

    static let cases = [
        Case(schema: #"{"type":"null"}"#, accepted: ["null"], refused: ["", "0", "nul"]),
        Case(
            schema: #"{"type":"boolean","title":"t","$comment":"c"}"#, accepted: ["true", "false"], refused: ["True"]),
        Case(
            schema: #"{"type":"string"}"#,
            accepted: [#""""#, #""a\n\u00e9\uD83D\uDE00é😀""#, #""\/\\""#],
            refused: ["a", #"""#, #""\uD83D""#, #""\uDE00""#, #""\x""#, "\"\n\"", #""a"b"#]),
        Case(
            schema: #"{"type":"integer"}"#, accepted: ["0", "-7", "123456789012345678", "-0"],
            refused: ["01", "1.0", "+1", "1e3", "-", "1234567890123456789"]),
        Case(
            schema: #"{"type":"number"}"#, accepted: ["0", "-0.5", "12.25e-3", "1E+10", "3e5"],
            refused: [".5", "1.", "1e", "1e999", "NaN", "--1"]),
        Case(schema: #"{"type":["string","null"]}"#, accepted: [#""a""#, "null"], refused: ["1", "true"]),
        Case(schema: #"{"type":["integer","number"]}"#, accepted: ["1", "1.5"], refused: [#""1""#]),
        Case(
            schema: #"{"enum":["a","ab",1,null,{"k":[1,2]}]}"#,
            accepted: [#""a""#, #""ab""#, "1", "null", #"{"k":[1,2]}"#],
            refused: [#""abc""#, "2", #""""#]),
        Case(schema: #"{"type":"string","enum":["x",1]}"#, accepted: [#""x""#], refused: ["1"]),
        Case(schema: #"{"const":"q\"\n"}"#, accepted: [#""q\"\n""#], refused: [#""q""#]),
        Case(schema: "true", accepted: ["1", "[]", #"{"a":{}}"#], refused: ["", "x"]),
        Case(schema: "{}", accepted: ["1", "[1,[2]]", #""s""#], refused: ["[1"]),
        // Objects.
        Case(
            schema:
                #"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},"c":true},"required":["b"]}"#,
            accepted: [
                #"{"b":null}"#, #"{"a":1,"b":null}"#, #"{"b":null,"c":[]}"#, #"{ "a": 1, "b": null, "c": "" }"#,
            ],
            refused: ["{}", #"{"a":1}"#, #"{"b":null,"a":1}"#, #"{"b":null,"d":1}"#, #"{"b":null,}"#, #"{,"b":null}"#]),
        Case(
            schema: #"{"properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"additionalProperties":false}"#,
            accepted: ["{}", #"{"a":1}"#, #"{"b":1}"#, #"{"a":1,"b":2}"#], refused: [#"{"c":1}"#, #"{"b":1,"a":2}"#]),
        Case(
            schema:
                #"{"type":"object","properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"string"}}"#,
            accepted: ["{}", #"{"ab":1}"#, #"{"ab":1,"x":"y"}"#, #"{"a":"y","abc":"z","":""}"#, #"{"é\n":"y"}"#],
            refused: [#"{"ab":"y"}"#, #"{"x":"y","ab":1}"#, #"{"x":1}"#, #"{"\u0061b":"y"}"#]),
        Case(
            schema: #"{"type":"object","additionalProperties":{"type":"boolean"}}"#,
            accepted: ["{}", #"{"a":true,"b":false}"#], refused: [#"{"a":1}"#]),
        Case(
            schema: #"{"type":"object","properties":{},"additionalProperties":false}"#, accepted: ["{}"],
            refused: [#"{"a":1}"#]),
        Case(schema: #"{"type":"object","required":["k"]}"#, accepted: [#"{"k":[1]}"#], refused: ["{}"]),
        Case(
            schema: #"{"type":"object"}"#, accepted: ["{}", #"{"a":{"b":[]}}"#], refused: ["[]", #"{"a"}"#, #"{"a":}"#]),
        // Arrays.
        Case(
            schema: #"{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}"#,
            accepted: ["[1]", "[1, 2,3]", "[\n  1,\n  2\n]"], refused: ["[]", "[1,2,3,4]", "[1,]", "[,1]", "[\"a\"]"]),
        Case(schema: #"{"type":"array","maxItems":0}"#, accepted: ["[]"], refused: ["[1]"]),
        Case(
            schema: #"{"items":{"type":"null"},"minItems":2}"#, accepted: ["[null,null]", "[null,null,null]"],
            refused: ["[null]"]),
        Case(
            schema:
                #"{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"null"},"maxItems":4}"#,
            accepted: [#"[1,"a"]"#, #"[1,"a",null,null]"#], refused: ["[1]", #"[1,"a",2]"#, #"[1,"a",null,null,null]"#]),
        Case(
            schema: #"{"prefixItems":[{"type":"integer"},true],"items":false}"#, accepted: ["[1,{}]"],
            refused: ["[1,2,3]", "[]"]),
        // Strings.
        Case(
            schema: #"{"type":"string","minLength":1,"maxLength":2}"#,
            accepted: [#""a""#, #""é😀""#, #""\uD83D\uDE00\n""#], refused: [#""""#, #""abc""#]),
        Case(
            schema: #"{"type":"string","pattern":"^a.c$"}"#, accepted: [#""abc""#, #""a\"c""#, #""aéc""#],
            refused: [#""abcd""#, #""xabc""#, #""a\nc""#]),
        Case(
            schema: #"{"type":"string","pattern":"b+|^x"}"#, accepted: [#""abba""#, #""b""#, #""xyz""#],
            refused: [#""yx""#, #""""#]),
        Case(
            schema: #"{"type":"string","pattern":"^\\\\[\\n\"]$"}"#, accepted: [#""\\\n""#, #""\\\"""#],
            refused: [#""\\""#]),
        Case(
            schema: #"{"type":"string","format":"date"}"#, accepted: [#""2024-02-29""#],
            refused: [#""2024-13-01""#, #""2024-00-01""#, #""2024-1-1""#]),
        Case(
            schema: #"{"type":"string","format":"time"}"#, accepted: [#""23:59:59Z""#, #""00:00:00.123+02:00""#],
            refused: [#""24:00:00Z""#, #""12:00:00""#]),
        Case(
            schema: #"{"type":"string","format":"date-time"}"#, accepted: [#""2024-02-29T12:00:00Z""#],
            refused: [#""2024-02-29 12:00:00Z""#, #""2024-02-29""#]),
        Case(
            schema: #"{"type":"string","format":"uuid"}"#, accepted: [#""123e4567-e89b-12d3-a456-426614174000""#],
            refused: [#""123e4567e89b12d3a456426614174000""#]),
        // Combinations and references.
        Case(
            schema: #"{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}],"description":"d"}"#,
            accepted: ["1", #""a""#], refused: [#""ab""#, "null"]),
        Case(schema: #"{"oneOf":[{"const":1},{"const":2}]}"#, accepted: ["1", "2"], refused: ["3", "12"]),
        Case(
            schema: #"{"type":"string","anyOf":[{"minLength":3},{"const":"a"}]}"#, accepted: [#""abc""#, #""a""#],
            refused: [#""b""#]),
        Case(schema: #"{"allOf":[{"type":"integer"}]}"#, accepted: ["1"], refused: [#""a""#]),
        Case(
            schema:
                ##"{"allOf":[{"$ref":"#/$defs/a"},{"properties":{"y":{"type":"null"}},"required":["y"]}],"$defs":{"a":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}}}"##,
            accepted: [#"{"x":1,"y":null}"#], refused: [#"{"x":1}"#, #"{"y":null}"#]),
        Case(
            schema: ##"{"$ref":"#/definitions/a~1b%20c","definitions":{"a/b c":{"type":"null"}}}"##, accepted: ["null"],
            refused: ["1"]),
        Case(
            schema:
                ##"{"type":"object","properties":{"v":{"type":"integer"},"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","n"]}"##,
            accepted: [#"{"v":1,"n":null}"#, #"{"v":1,"n":{"v":2,"n":null}}"#], refused: [#"{"v":1,"n":{"v":2}}"#]),
        // Without an end, the part that can be left out is left out.
        Case(
            schema:
                ##"{"properties":{"a":{"$ref":"#/$defs/x"},"b":{"type":"null"}},"$defs":{"x":{"properties":{"x":{"$ref":"#/$defs/x"}},"required":["x"]}}}"##,
            accepted: ["{}", #"{"b":null}"#], refused: [#"{"a":{"#]),
    ]

    @Test(arguments: cases.indices) func textsAreAcceptedAndRefused(index: Int) throws {
        let example = Self.cases[index]
        let grammar = try CompiledGrammar.jsonSchema(text: example.schema)
        for text in example.accepted { #expect(accepts(grammar, text), "\(text) under \(example.schema)") }
        for text in example.refused { #expect(!accepts(grammar, text), "\(text) under \(example.schema)") }
    }

    @Test func spacesAreBounded() throws {
        let bounded = try CompiledGrammar.jsonObject()
        #expect(accepts(bounded, "{\n\t\"a\": [\n\t\t1\n\t]\n}"))
        for text in ["{  }", "{\n\n\"a\":1}", "{\"a\" :1}", "{\"a\":  1}", " {}", "{} ", "{\"a\":1 ,\"b\":2}"] {
            #expect(!accepts(bounded, text), "\(text)")
        }
        #expect(!accepts(bounded, "{\n" + String(repeating: " ", count: 21) + "\"a\":1}"))
        let none = try CompiledGrammar.jsonObject(whitespace: .none)
        #expect(accepts(none, "{\"a\":[1,2]}"))
        #expect(!accepts(none, "{\"a\": 1}"))
    }

    @Test(arguments: [
        (
            #"{"type":"object","properties":{"a":{"type":"string","contentEncoding":"x"}}}"#, "contentEncoding",
            "#/properties/a"
        ),
        (#"{"not":{}}"#, "not", "#"), (#"{"if":{},"then":{}}"#, "if", "#"),
        (#"{"type":"object","patternProperties":{}}"#, "patternProperties", "#"),
        (#"{"type":"object","minProperties":1}"#, "minProperties", "#"),
        (#"{"type":"object","propertyNames":{}}"#, "propertyNames", "#"),
        (#"{"type":"array","items":{"type":"integer","multipleOf":2}}"#, "multipleOf", "#/items"),
        (#"{"type":"array","uniqueItems":true}"#, "uniqueItems", "#"),
        (#"{"type":"array","contains":{}}"#, "contains", "#"),
        (#"{"type":"string","format":"email"}"#, "email", "#"), (#"{"$ref":"http://x/y"}"#, "$ref", "#"),
        (#"{"type":"string","pattern":"a(?=b)"}"#, "lookahead", "#"),
        (#"{"type":"string","pattern":"a","maxLength":3}"#, "maxLength", "#"),
        (#"{"anyOf":[{"allOf":[{"minimum":1},{"minimum":2}]}]}"#, "minimum", "#/anyOf/0"),
        (
            #"{"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]}"#,
            "additionalProperties", "#"
        ),
        (#"{"type":"number","minimum":1e300}"#, "minimum", "#"), (##"{"$dynamicRef":"#a"}"##, "$dynamicRef", "#"),
    ])
    func whatIsNotSupportedIsNamed(schema: String, name: String, path: String) throws {
        let error = try #require(failure { () throws(GrammarError) in try .jsonSchema(text: schema) })
        #expect(error.code == .unsupported, "\(error)")
        #expect(error.message.contains(name) && error.message.hasPrefix(path + ":"), "\(error)")
    }

    @Test(arguments: [
        ("", GrammarError.Code.invalid), ("{", .invalid), ("[]", .invalid), ("1", .invalid),
        (#"{"type":"text"}"#, .invalid),
        (#"{"type":1}"#, .invalid), (#"{"enum":[]}"#, .invalid), (#"{"a":1,"a":1}"#, .invalid),
        (#"{"type":"string","minLength":-1}"#, .invalid),
        (#"{"properties":[]}"#, .invalid), (##"{"$ref":"#/nowhere"}"##, .invalid),
        (#"{"type":"string","pattern":"("}"#, .invalid),
        (##"{"properties":{"a":{"$ref":"#"}},"required":["a"]}"##, .unsatisfiable), ("false", .unsatisfiable),
        (##"{"$ref":"#"}"##, .unsatisfiable), (#"{"type":"integer","minimum":2,"maximum":1}"#, .unsatisfiable),
        (#"{"type":"string","minLength":2,"maxLength":1}"#, .unsatisfiable),
        (#"{"type":"string","enum":[1]}"#, .unsatisfiable),
        (#"{"type":"string","maxLength":1000001}"#, .limit), (##"{"allOf":[{"$ref":"#"},{"type":"null"}]}"##, .limit),
    ])
    func whatIsWrongIsAnError(schema: String, code: GrammarError.Code) throws {
        let error = try #require(failure { () throws(GrammarError) in try .jsonSchema(text: schema) })
        #expect(error.code == code, "\(error)")
    }

    @Test func propertiesKeepTheOrderOfTheSchema() throws {
        let members = ["z", "a", "m"].map {
            SchemaValue.Member(key: $0, value: .object([.init(key: "type", value: .string("null"))]))
        }
        let grammar = try CompiledGrammar.jsonSchema(.object([.init(key: "properties", value: .object(members))]))
        #expect(accepts(grammar, #"{"z":null,"a":null,"m":null}"#))
        #expect(!accepts(grammar, #"{"a":null,"z":null}"#))
    }
}
