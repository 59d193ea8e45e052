import Domain
import Grammar
import Testing

@Suite struct RandomWalkTests {
    private static let schemas = [
        #"{"type":"object"}"#,
        #"{"type":"object","properties":{"name":{"type":"string","minLength":2,"maxLength":6},"age":{"type":"integer","minimum":-3,"maximum":150},"score":{"type":"number","minimum":0.25,"exclusiveMaximum":12.5},"tags":{"type":"array","items":{"enum":["abc","foo",null,12]},"minItems":1,"maxItems":3}},"required":["name","tags"],"additionalProperties":false}"#,
        ##"{"type":"object","properties":{"v":{"type":["boolean","null"]},"n":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","n"],"additionalProperties":false}"##,
        ##"{"type":"array","items":{"$ref":"#/$defs/item"},"maxItems":4,"$defs":{"item":{"type":"array","prefixItems":[{"type":"integer"},{"type":"string","pattern":"^[a-c]+(é|\"|\\n)?$"}],"items":{"type":"null"},"maxItems":4}}}"##,
        #"{"type":"object","properties":{"ab":{"type":"integer"},"foo":{"type":"null"}},"additionalProperties":{"type":"string","maxLength":3}}"#,
        #"{"type":"string","pattern":"[ab]|^x[0-9]{2,3}"}"#,
        #"{"allOf":[{"type":"object","properties":{"a":{"type":"number","maximum":-1.5}},"required":["a"]},{"properties":{"b":{"const":{"k":[1,"é"]}}},"required":["b"]}]}"#,
    ]

    @Test(arguments: schemas.indices, [UInt64(1), 2, 3]) func outputsAreValid(schema: Int, seed: UInt64) throws {
        let text = Self.schemas[schema]
        let root = try ValueParser.parse(Array(text.utf8))
        let validator = SchemaValidator(root: root)
        let grammar = try CompiledGrammar.jsonSchema(text: text)
        let vocabulary = SmallVocabulary.make(seed: seed)
        var walk = RandomWalk(
            mask: GrammarMask(grammar, vocabulary: vocabulary), random: SeededRandom(seed: seed))
        var ended = 0
        for _ in 0..<25 {
            guard let tokens = try walk.output(steps: 400) else { continue }
            ended += 1
            let bytes = tokens.flatMap { vocabulary.bytes(of: $0) }
            let value = try ValueParser.parse(bytes)
            #expect(validator.isValid(value, root), "\(String(decoding: bytes, as: UTF8.self))")
        }
        // Walks that do not end in time say nothing; most must.
        #expect(ended >= 15)
    }

    @Test func theValidatorRefuses() throws {
        let root = try ValueParser.parse(Array(Self.schemas[1].utf8))
        let validator = SchemaValidator(root: root)
        let valid = #"{"name":"abc","age":5,"score":1.5,"tags":["abc"]}"#
        #expect(validator.isValid(try ValueParser.parse(Array(valid.utf8)), root))
        for text in [
            #"{"name":"a","tags":["abc"]}"#, #"{"name":"abc","tags":[]}"#, #"{"name":"abc","age":151,"tags":["abc"]}"#,
            #"{"name":"abc","score":12.5,"tags":["abc"]}"#, #"{"name":"abc","tags":["abc"],"x":1}"#,
            #"{"tags":["abc"]}"#,
        ] { #expect(!validator.isValid(try ValueParser.parse(Array(text.utf8)), root), "\(text)") }
        for text in ["01", "[1,]", "\"\\ud800\"", "{\"a\" 1}", "nul"] {
            #expect(throws: (any Error).self) { try ValueParser.parse(Array(text.utf8)) }
        }
    }
}
