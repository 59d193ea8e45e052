import Testing

@testable import Gateway

/// Calls in what models write: the same events whatever the pieces are.
struct ToolCallParserTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var syntax: ToolSyntax
        var text: String
        var events: [ToolEvent]

        init(_ syntax: ToolSyntax, _ text: String, _ events: [ToolEvent]) {
            self.syntax = syntax
            self.text = text
            self.events = events
        }

        var testDescription: String { "\(syntax): \(text.prefix(60))" }
    }

    static let cases: [Case] = [
        Case(
            .hermes,
            "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"x{}\\\"é\", \"b\": [1,2]}}\n</tool_call>\n"
                + "<tool_call>\n{\"arguments\": {}, \"name\": \"g\"}\n</tool_call>",
            [
                .content("Let me see."), .call(name: "f"), .arguments("{\"a\": \"x{}\\\"é\", \"b\": [1,2]}"),
                .call(name: "g"), .arguments("{}"),
            ]),
        Case(
            .hermes, "a < b <tool <tool_call>nonsense</tool_call> c ",
            [.content("a < b <tool <tool_call>nonsense</tool_call> c ")]),
        Case(
            .hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1",
            [.call(name: "f"), .arguments("{\"a\": 1")]),
        Case(.hermes, "<tool_call>{\"name\": \"f\"", [.call(name: "f")]),
        Case(.hermes, "<tool_call>{\"nam", [.content("<tool_call>{\"nam")]),
        Case(.hermes, "<tool_call>{\"name\": \"f\"}</tool_call>", [.call(name: "f"), .arguments("{}")]),
        Case(
            .hermes, "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\":1}\"}</tool_call>",
            [.call(name: "f"), .arguments("{\"a\":1}")]),
        Case(.hermes, " plain text \n", [.content(" plain text \n")]),
        Case(.hermes, "\n", [.content("\n")]),
        Case(
            .described,
            "<tool_call>[\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"name\": \"g\", \"arguments\": {}}]</tool_call>",
            [.call(name: "f"), .arguments("{\"a\": 1}"), .call(name: "g"), .arguments("{}")]),
        Case(.described, "<tool_call>[]</tool_call>", []),
        Case(
            .llama, "{\"name\": \"f\", \"parameters\": {\"a\": 1}}", [.call(name: "f"), .arguments("{\"a\": 1}")]),
        Case(
            .llama, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}",
            [.call(name: "f"), .arguments("{}"), .call(name: "g"), .arguments("{}")]),
        Case(.llama, "{\"city\": \"Paris\"}", [.content("{\"city\": \"Paris\"}")]),
        Case(.llama, "{\"name\": \"unknown\"}", [.content("{\"name\": \"unknown\"}")]),
        Case(.llama, "Hello {\"name\": \"f\"}", [.content("Hello {\"name\": \"f\"}")]),
        Case(
            .mistral,
            "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"name\": \"g\", \"arguments\": {}}]",
            [.call(name: "f"), .arguments("{\"a\": 1}"), .call(name: "g"), .arguments("{}")]),
        Case(
            .mistralNamed, "ok[TOOL_CALLS]f[ARGS]{\"a\": \"}\"}[TOOL_CALLS]g[CALL_ID]123456789[ARGS]{}",
            [.content("ok"), .call(name: "f"), .arguments("{\"a\": \"}\"}"), .call(name: "g"), .arguments("{}")]),
        Case(
            .functionGemma,
            "<start_function_call>call:f{city:<escape>New, York<escape>,n:3,ok:true,l:[1,<escape>b<escape>],o:{k:2}}"
                + "<end_function_call>",
            [
                .call(name: "f"),
                .arguments("{\"city\":\"New, York\",\"n\":3,\"ok\":true,\"l\":[1,\"b\"],\"o\":{\"k\":2}}"),
            ]),
        Case(
            .functionGemma, "<start_function_call>nothing<end_function_call>",
            [.content("<start_function_call>nothing<end_function_call>")]),
        Case(
            .gemma, "x <|tool_call>call:f{}<tool_call|><|tool_call>call:g{a:<|\"|>b<|\"|>}<tool_call|>",
            [.content("x"), .call(name: "f"), .arguments("{}"), .call(name: "g"), .arguments("{\"a\":\"b\"}")]),
        Case(
            .qwenCoder,
            "Look:\n<tool_call>\n<function=f>\n<parameter=city>\n12\n\n</parameter>\n<parameter=n>\n3\n</parameter>\n"
                + "<parameter=l>\n[\"</parameter>\", {\"é\": null}]\n</parameter>\n<parameter=t>\nplain\n</parameter>\n"
                + "</function>\n</tool_call>\n<tool_call>\n<function=g>\n</function>\n</tool_call>",
            [
                .content("Look:"), .call(name: "f"),
                .arguments(#"{"city":"12\n","n":3,"l":["</parameter>",{"é":null}],"t":"plain"}"#), .call(name: "g"),
                .arguments("{}"),
            ]),
        Case(
            .qwenCoder, "<tool_call>\n<function=x>\n</function></tool_call>",
            [.content("<tool_call>\n<function=x>\n</function></tool_call>")]),
        Case(
            .qwenCoder, "<tool_call><function=f><parameter=l>[\"a</parameter></function></tool_call>",
            [.call(name: "f"), .arguments(#"{"l":"[\"a"}"#)]),
        Case(
            .qwenCoder, "<tool_call><function=f><parameter=city>Par",
            [.content("<tool_call><function=f><parameter=city>Par")]),
        Case(
            .glm,
            "<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>New\nYork </arg_value>\n<arg_key>n</arg_key>\n"
                + "<arg_value>{\"a\": [1.5]}</arg_value>\n</tool_call>\n<tool_call>g\n</tool_call>",
            [
                .call(name: "f"), .arguments(#"{"city":"New\nYork ","n":{"a":[1.5]}}"#), .call(name: "g"),
                .arguments("{}"),
            ]),
        Case(.glm, "a <tool_call>nonsense</tool_call>", [.content("a <tool_call>nonsense</tool_call>")]),
        Case(
            .harmony,
            "<|channel|>analysis<|message|>We need it.<|end|><|start|>assistant to=functions.f<|channel|>commentary "
                + "<|constrain|>json<|message|>{\"a\":1}",
            [.reasoning("We need it."), .call(name: "f"), .arguments("{\"a\":1}")]),
        Case(
            .harmony, "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hi é",
            [.reasoning("hm"), .content("Hi é")]),
        Case(
            .harmony, "<|channel|>commentary to=functions.g <|constrain|>json<|message|>{}<|call|>",
            [.call(name: "g"), .arguments("{}")]),
        Case(.harmony, "no header", [.content("no header")]),
    ]

    private func events(_ syntax: ToolSyntax, _ pieces: [String]) -> [ToolEvent] {
        var parser = syntax.makeParser(names: ["f", "g"], texts: ["f": ["city"]])
        var events: [ToolEvent] = []
        for piece in pieces { events.add(parser.append(piece)) }
        events.add(parser.finish())
        return events
    }

    @Test(arguments: cases)
    func callsAreFoundHoweverTheTextIsCut(of example: Case) {
        let scalars = example.text.unicodeScalars.map { String(Character($0)) }
        #expect(events(example.syntax, [example.text]) == example.events)
        #expect(events(example.syntax, scalars) == example.events)
        for cut in scalars.indices {
            let pieces = [scalars[..<cut].joined(), scalars[cut...].joined()]
            #expect(events(example.syntax, pieces) == example.events, "cut at \(cut)")
        }
    }

    /// Arguments need not be complete to be told.
    @Test func argumentsStream() {
        var parser = ToolSyntax.hermes.makeParser(names: ["f"])
        #expect(
            parser.append("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\"") == [
                .call(name: "f"), .arguments("{\"a\""),
            ])
        #expect(parser.append(": \"b") == [.arguments(": \"b")])
        #expect(parser.append("\"}") == [.arguments("\"}")])
        #expect(parser.append("}</tool_call>").isEmpty)
        #expect(parser.finish().isEmpty)
    }

    @Test(
        arguments: [
            ("{% if tools %}<tool_call>{% endif %}", ToolSyntax.hermes),
            ("{{ tools }}[TOOL_CALLS]", .mistral), ("{{ tools }}[TOOL_CALLS][ARGS]", .mistralNamed),
            ("{{ tools }}<start_function_call>", .functionGemma), ("{{ tools }}<|tool_call>", .gemma),
            ("{{ tools }}<|start_header_id|>{\"name\": f, \"parameters\": d}", .llama),
            ("{{ tools }}<|channel|>to=functions.", .harmony), ("<|im_start|>{{ messages }}", .described),
            ("{{ tools }}<tool_call><function=name>", .qwenCoder), ("{{ tools }}<tool_call><arg_key>", .glm),
            ("{{ tools }}", nil),
        ] as [(String, ToolSyntax?)])
    func templatesShowTheForm(template: String, syntax: ToolSyntax?) {
        #expect(ToolSyntax(template: template) == syntax)
    }
}
