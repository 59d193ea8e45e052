import Grammar
import Testing

@Suite struct LimitTests {
    @Test(arguments: 0..<HostileSources.kinds) func hostileSourcesEndWithAnError(kind: Int) {
        for round in 0..<20 {
            let number = round * HostileSources.kinds + kind
            #expect(failure { () throws(GrammarError) in try HostileSources.compile(number) } != nil, "\(number)")
        }
    }

    @Test func tooManyWaysToBeginAreRefused() {
        #expect(failure { () throws(GrammarError) in try .regex("(((a?){64}b?){64}c?){64}") }?.code == .limit)
    }

    @Test func schemasThatAreBuiltAreLimitedAsWell() {
        var deep = SchemaValue.object([])
        for _ in 0..<100 { deep = .object([.init(key: "items", value: deep)]) }
        #expect(failure { () throws(GrammarError) in try .jsonSchema(deep) }?.code == .limit)
        let wide = SchemaValue.object([.init(key: "enum", value: .array((0..<70_000).map { .integer($0) }))])
        #expect(failure { () throws(GrammarError) in try .jsonSchema(wide) }?.code == .limit)
    }

    @Test func whatIsLargeButWithinTheLimitsCompiles() throws {
        let values = (0..<5_000).map { "\"\($0)\"" }.joined(separator: ",")
        let enumeration = try CompiledGrammar.jsonSchema(text: "{\"enum\":[\(values)]}")
        #expect(accepts(enumeration, "\"4999\""))
        #expect(!accepts(enumeration, "\"5000\""))
        let properties = (0..<512).map { "\"p\($0)\":{\"type\":\"integer\"}" }.joined(separator: ",")
        let object = try CompiledGrammar.jsonSchema(text: "{\"properties\":{\(properties)}}")
        #expect(accepts(object, #"{"p0":1,"p511":2}"#))
        #expect(!accepts(object, #"{"p511":2,"p0":1}"#))
        let long = try CompiledGrammar.jsonSchema(text: #"{"type":"string","minLength":9999,"maxLength":10000}"#)
        #expect(accepts(long, "\"" + String(repeating: "é", count: 10_000) + "\""))
        #expect(!accepts(long, "\"" + String(repeating: "é", count: 9_998) + "\""))
    }
}
