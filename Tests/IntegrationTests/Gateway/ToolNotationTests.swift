import Domain
import Grammar
import Testing

@testable import Gateway

/// Calls in notations that are no JSON: what a constraint lets through is read as what was meant.
struct ToolNotationTests {
    private static let schema = #"""
        {"type":"object","properties":{"city":{"type":"string"},"unit":{"enum":["C","F"]},"days":{"type":"integer"},
        "ok":{"type":"boolean"},"l":{"type":"array","items":{"type":"number"}},"o":{"type":"object","properties":
        {"a":{"type":"string"},"b":{"type":"null"}},"required":["a"],"additionalProperties":false}},
        "required":["city","days"],"additionalProperties":false}
        """#
    private static let templates: [(ToolSyntax, String)] = [
        (.functionGemma, "{{ tools }}<start_function_call>"), (.gemma, "{{ tools }}<|tool_call>"),
        (.qwenCoder, "{{ tools }}<tool_call><function="), (.glm, "{{ tools }}<tool_call><arg_key>"),
    ]

    private func read(_ schema: String, template: String, strict: Bool = true) throws -> GenerationRequest {
        let model = ByteVocabulary.makeModel(template: template, context: 4096)
        let body = #"""
            {"messages":[{"role":"user","content":"hi"}],"tool_choice":"required","tools":[{"type":"function",
            "function":{"name":"f","strict":\#(strict),"parameters":\#(schema)}}]}
            """#
        return try RequestReader(model: model, limits: RequestLimits()).read(
            JSONParser.parse(Array(body.utf8)), kind: .chat)
    }

    private func accepts(_ constraint: SamplingConstraint?, _ text: String) throws -> Bool {
        var state = GrammarState(try CompiledGrammar.compile(try #require(constraint)))
        return state.accept(text.utf8) && state.canEnd
    }

    /// A call as the model writes it.
    private func write(_ members: [JSONValue.Member], _ syntax: ToolSyntax) -> String {
        func gemma(_ value: JSONValue, _ quote: String) -> String {
            if let text = value.text { return quote + text + quote }
            if let elements = value.elements {
                return "[" + elements.map { gemma($0, quote) }.joined(separator: ",") + "]"
            }
            if let members = value.members {
                return "{" + members.map { "\($0.key):" + gemma($0.value, quote) }.joined(separator: ",") + "}"
            }
            return value.written
        }
        let marks = syntax.marks ?? ToolMarks()
        switch syntax {
        case .qwenCoder:
            let parts = members.map {
                "<parameter=\($0.key)>\n\($0.value.text ?? $0.value.written)\n</parameter>\n"
            }
            return "<tool_call>\n<function=f>\n\(parts.joined())</function>\n</tool_call>"
        case .glm:
            let parts = members.map {
                "<arg_key>\($0.key)</arg_key>\n<arg_value>\($0.value.text ?? $0.value.written)</arg_value>\n"
            }
            return "<tool_call>f\n\(parts.joined())</tool_call>"
        default: return "\(marks.open)call:f\(gemma(.object(members), marks.quote))\(marks.close)"
        }
    }

    private func arguments(_ random: inout SeededRandom) -> [JSONValue.Member] {
        let texts = ["Paris", "", "12", "a\nb", " é ", "{x}", "null", "\"q\", [1]"]
        func any(_ values: [JSONValue]) -> JSONValue { values[Int(random.next() % UInt64(values.count))] }
        var members: [JSONValue.Member] = [.init(key: "city", value: any(texts.map(JSONValue.string)))]
        if random.next() % 2 == 0 { members.append(.init(key: "unit", value: any(["C", "F"]))) }
        members.append(.init(key: "days", value: any([0, -5, 123_456])))
        if random.next() % 2 == 0 { members.append(.init(key: "ok", value: any([true, false]))) }
        if random.next() % 2 == 0 { members.append(.init(key: "l", value: any([[], [1], [1, -2, 30]]))) }
        if random.next() % 2 == 0 {
            members.append(.init(key: "o", value: any([["a": "x"], ["a": "y z", "b": .null]])))
        }
        return members
    }

    @Test func whatIsForcedIsReadAsItWasMeant() throws {
        for (syntax, template) in Self.templates {
            let request = try read(Self.schema, template: template)
            let reading = try #require(request.reading)
            #expect(reading.syntax == syntax)
            var random = SeededRandom(state: 58)
            for _ in 0..<60 {
                let members = arguments(&random)
                let text = write(members, syntax)
                #expect(try accepts(request.constraint, text), "\(syntax): \(text)")
                let cut = Int(random.next() % UInt64(text.unicodeScalars.count + 1))
                let scalars = text.unicodeScalars.map { String(Character($0)) }
                var reader = AnswerReader(reading)
                var choice = FinishedChoice(text: "", reason: .stop)
                for piece in [scalars[..<cut].joined(), scalars[cut...].joined()] {
                    for part in reader.append(piece) { choice.add(part) }
                }
                for part in reader.finish() { choice.add(part) }
                #expect(choice.text.isEmpty && choice.calls.map(\.name) == ["f"], "\(syntax): \(text)")
                #expect(choice.calls.first?.object == .object(members), "\(syntax): \(text)")
            }
        }
    }

    @Test func valuesOfOtherTypesAreNotLetThrough() throws {
        for (syntax, template) in Self.templates {
            let constraint = try read(Self.schema, template: template).constraint
            let wrong: [[JSONValue.Member]] = [
                [.init(key: "city", value: "a"), .init(key: "days", value: .number(1.5))],
                [.init(key: "city", value: "a"), .init(key: "days", value: true)], [.init(key: "city", value: "a")],
                [.init(key: "days", value: 1)],
                [.init(key: "city", value: "a"), .init(key: "unit", value: "K"), .init(key: "days", value: 1)],
                [.init(key: "city", value: "a"), .init(key: "days", value: 1), .init(key: "other", value: 1)],
                [.init(key: "city", value: "a"), .init(key: "days", value: 1), .init(key: "o", value: ["b": .null])],
            ]
            for members in wrong {
                let text = write(members, syntax)
                #expect(try !accepts(constraint, text), "\(syntax): \(text)")
            }
        }
    }

    @Test func whatANotationCannotSayIsNamed() throws {
        let table = [
            (#"{"type":"object","properties":{"a":{"type":"string","minLength":3}}}"#, "minLength"),
            (#"{"type":"object","properties":{"a":{"type":"string"}},"minProperties":1}"#, "minProperties"),
            (#"{"type":"object","properties":{"a":{"not":{}}}}"#, "not"),
        ]
        for (_, template) in Self.templates {
            for (schema, keyword) in table {
                let error = #expect(throws: APIError.self) { try read(schema, template: template) }
                #expect(error?.status == 400 && error?.parameter == "tools[0].function.parameters")
                #expect(error?.message.contains(keyword) == true, "\(error?.message ?? "")")
                // Where the schema need not be followed it costs only what it asks for.
                #expect(try read(schema, template: template, strict: false).constraint != nil)
            }
        }
    }
}
