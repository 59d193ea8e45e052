import Testing

@testable import Inference

@Suite struct ChatEndingTests {
    private func segments(_ content: String) throws -> [TemplateSegment] {
        let template = try ChatTemplate(
            source: "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>\n{% endfor %}"
                + "{% if add_generation_prompt %}<|assistant|>{% endif %}")
        return try template.renderSegments(
            messages: [ChatMessage(role: "user", content: "b"), ChatMessage(role: "assistant", content: content)],
            addGenerationPrompt: false)
    }

    @Test func aContinuedMessageEndsWithItsText() throws {
        for content in ["a b", "  a b\n", "b"] {
            let cut = try ChatEnding.continuation.cut(segments(content), behind: content)
            let text = cut.map(\.text).joined()
            #expect(text == "<|user|>b<|end|>\n<|assistant|>\(content == "b" ? "b" : "a b")")
            #expect(cut.last?.isTemplateText == false)
        }
    }

    @Test func whatTheTemplateDoesNotShowCannotBeContinued() throws {
        for content in ["", " \n"] {
            #expect(throws: InferenceError.self) {
                try ChatEnding.continuation.cut(segments("x"), behind: content)
            }
        }
        #expect(throws: InferenceError.self) { try ChatEnding.continuation.cut(segments("x"), behind: "y") }
    }
}
