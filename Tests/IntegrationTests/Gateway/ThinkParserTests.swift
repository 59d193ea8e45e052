import Domain
import Testing

@testable import Gateway

struct ThinkParserTests {
    private let tags = ThinkTags(open: "<think>", close: "</think>")

    /// Feeds a text in pieces of a length, and joins what comes of it.
    private func read(_ text: String, piece: Int, isOpen: Bool = false) -> (thoughts: String, answer: String) {
        var parser = ThinkParser(tags, isOpen: isOpen, inner: PlainParser())
        var events: [ToolEvent] = []
        var rest = text[...]
        while !rest.isEmpty {
            events += parser.append(String(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
        events += parser.finish()
        var (thoughts, answer) = ("", "")
        for event in events {
            switch event {
            case .reasoning(let text): thoughts += text
            case .content(let text): answer += text
            case .call, .arguments: Issue.record("\(event)")
            }
        }
        return (thoughts, answer)
    }

    @Test(arguments: 1...9) func thoughtsAreToldFromTheAnswer(piece: Int) {
        for (text, isOpen, thoughts, answer) in [
            ("<think>\nWhy? a < b\n\n</think>\n\nBecause.", false, "Why? a < b", "Because."),
            ("\n<think></think>\n\nYes", false, "", "Yes"), ("Just an answer.", false, "", "Just an answer."),
            ("  <thin is no tag", false, "", "  <thin is no tag"), ("<think>cut of", false, "cut of", ""),
            ("Thoughts.\n</think>\nAnswer </think>", true, "Thoughts.", "Answer </think>"),
            ("<think>\nagain</think>x", true, "again", "x"), ("never ends ", true, "never ends ", ""),
            ("</think>x", true, "", "x"), ("", false, "", ""), ("", true, "", ""),
            ("<think>a </thin b</think>  c", false, "a </thin b", "c"),
        ] {
            let told = read(text, piece: piece, isOpen: isOpen)
            #expect(told.thoughts == thoughts && told.answer == answer, "\(text.debugDescription): \(told)")
        }
    }

    @Test func callsStandBehindThoughts() {
        let reading = AnswerReading(
            syntax: .hermes, names: ["f"], thinking: tags, isThinking: false)
        var reader = AnswerReader(reading)
        let text = #"<think>I call f.</think><tool_call>{"name":"f","arguments":{"a":1}}</tool_call>"#
        var pieces: [AnswerPiece] = []
        for character in text { pieces += reader.append(String(character)) }
        pieces += reader.finish()
        var choice = FinishedChoice(text: "", reason: .stop)
        for piece in pieces { choice.add(piece) }
        #expect(choice.reasoning == "I call f." && choice.text.isEmpty)
        #expect(choice.calls == [FinishedCall(name: "f", arguments: #"{"a":1}"#)])
        // Every character counts as a token here: the tags and what is between them are thoughts.
        #expect(reader.reasoningTokens == "<think>I call f.</think>".count)
    }

    @Test func whetherThePromptHasBegunThem() {
        for (prompt, isOpen) in [
            ("assistant\n<think>\n", true), ("assistant\n<think>\n\n</think>\n\n", false), ("assistant\n", false),
            ("</think> <think>", true), ("<think></think><think>x", true),
        ] { #expect(tags.isOpen(atEndOf: prompt) == isOpen) }
        #expect(ThinkTags.of(template: "{{ '<think>' }}") == nil)
        #expect(ThinkTags.of(template: "[THINK] [/THINK]")?.open == "[THINK]")
    }
}
