import TestSupport
import Testing

@testable import Inference

/// What is known of a model's chat template before anybody chats.
struct ChatSupportTests {
    private func support(_ template: String?) throws -> ChatSupport {
        let file = try Fixture.open(
            Fixture.vocabulary { writer in
                if let template { writer.add("tokenizer.chat_template", .string(template)) }
            })
        return ChatSupport.read(file, tokenizer: try Tokenizer(gguf: file))
    }

    @Test(arguments: [
        ("{% with x = 1 %}{{ x }}{% endwith %}", "the tag \"with\" is not supported"),
        ("{{ messages[0].content | nofilter }}", "the filter \"nofilter\" is not supported"),
        ("{% if messages is notest %}{% endif %}", "the test \"notest\" is not supported"),
        ("{{ messages[0].content.nomethod() }}", "a string has no method nomethod"),
    ])
    func whatIsNotUnderstoodIsKnownAtOnce(template: String, reason: String) throws {
        #expect(try support(template).problem == "tokenizer.chat_template: \(reason)")
    }

    @Test func malformedTemplatesAreNamedByTheirKey() throws {
        #expect(try support("{% if %}").problem?.hasPrefix("tokenizer.chat_template: ") == true)
    }

    /// A template that refuses the chat that is tried is understood all the same.
    @Test(arguments: [
        "{{ messages[0].content }}", "{{ '%s: %s' | format(messages[0].role, messages[0].content) }}",
        "{{ raise_exception('a system message is needed') }}",
        "{% if messages | length > 1 %}{{ 'x' | nofilter }}{% endif %}",
    ])
    func usableTemplates(template: String) throws {
        guard case .format = try support(template) else {
            Issue.record("\(template) counts as unusable")
            return
        }
    }

    @Test func filesWithoutTemplateAreNoProblem() throws {
        guard case .absent = try support(nil) else {
            Issue.record("there is no template")
            return
        }
        #expect(try support(nil).problem == nil)
    }
}
