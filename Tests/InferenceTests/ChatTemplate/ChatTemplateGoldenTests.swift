import Foundation
import Testing

@testable import Inference

/// Templates of well-known models against jinja2, set up as Hugging Face has it.
struct ChatTemplateGoldenTests {
    struct Golden: Decodable {
        struct Message: Decodable {
            var role: String
            var content: String
        }
        struct Case: Decodable {
            var template: String
            var messages: [Message]
            var add_generation_prompt: Bool
            var tools: Bool
            var output: String?
            var error: String?
        }
        var tools: JSON
        var templates: [String: String]
        var cases: [Case]
    }

    @Test(arguments: [("templates.json", 90), ("features.json", 40)])
    func outputsEqualJinja(file: String, count: Int) throws {
        let golden = try Fixture.decode(Golden.self, file)
        #expect(golden.cases.count > count)
        for item in golden.cases {
            let name = Comment(rawValue: "\(item.template) \(item.messages) tools \(item.tools)")
            let template = try ChatTemplate(source: try #require(golden.templates[item.template]))
            let messages = item.messages.map { ChatMessage(role: $0.role, content: $0.content) }
            func render() throws -> String {
                try template.render(
                    messages: messages, addGenerationPrompt: item.add_generation_prompt, bosToken: "<s>",
                    eosToken: "</s>", extra: item.tools ? ["tools": golden.tools.value] : [:], unixTime: 1_721_995_200)
            }
            if let output = item.output {
                #expect(try render() == output, name)
            } else {
                let error = #expect(throws: InferenceError.self, name) { try render() }
                #expect(error?.message.contains(item.error ?? "?") == true, name)
            }
        }
    }

    @Test(.enabled(if: RealModel.path != nil, "set E2LLM_TEST_MODEL to SmolLM2-135M-Instruct (GGUF)"))
    func theTemplateOfTheRealModel() throws {
        let gguf = try GGUFFile(path: try #require(RealModel.path))
        let template = try ChatTemplate(source: try gguf.metadata.string("tokenizer.chat_template"))
        let text = try template.render(
            messages: [ChatMessage(role: "user", content: "Hi")], addGenerationPrompt: true)
        #expect(
            text == """
                <|im_start|>system
                You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
                <|im_start|>user
                Hi<|im_end|>
                <|im_start|>assistant

                """)
    }
}

/// Any JSON, for the tools of the golden file; keys in the order of the schema they are from.
enum JSON: Decodable {
    case value(TemplateValue)

    var value: TemplateValue {
        switch self {
        case .value(let value): value
        }
    }

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private static let order = [
        "type", "function", "name", "description", "parameters", "properties", "required", "city", "days", "default",
    ]

    init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Key.self) {
            let keys = container.allKeys.sorted {
                (Self.order.firstIndex(of: $0.stringValue) ?? 99) < (Self.order.firstIndex(of: $1.stringValue) ?? 99)
            }
            self = .value(
                .object(try keys.map { .init($0.stringValue, try container.decode(JSON.self, forKey: $0).value) }))
        } else if var list = try? decoder.unkeyedContainer() {
            var items: [TemplateValue] = []
            while !list.isAtEnd { items.append(try list.decode(JSON.self).value) }
            self = .value(.array(items))
        } else {
            let single = try decoder.singleValueContainer()
            if let number = try? single.decode(Int.self) {
                self = .value(.int(number))
            } else {
                self = .value(.string(try single.decode(String.self)))
            }
        }
    }
}
