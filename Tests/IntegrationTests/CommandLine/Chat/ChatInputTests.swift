import ArgumentParser
import Foundation
import Testing

@testable import CommandLineTool

/// The chat of `e2llm run`: lines, commands, editing.
@Suite struct ChatInputTests {
    @Test(arguments: [
        ("hello", ChatInput.message("hello")), ("  ", .empty), ("", .empty), ("/help", .help), ("/clear", .clear),
        ("/bye", .bye), ("/system be brief", .system("be brief")), ("/system", .system(nil)),
        ("/set seed 4", .set("seed", "4")), ("/set seed", .set("seed", nil)), ("/save a b.json", .save("a b.json")),
        ("/etc/hosts is what?", .message("/etc/hosts is what?")), ("/", .message("/")),
        (" /show ", .show),
    ])
    func lines(text: String, input: ChatInput) {
        #expect(ChatInput(text) == input)
    }

    @Test func wrongCommandsAreTold() {
        for text in ["/load", "/save ", "/set", "/claer"] {
            guard case .wrong = ChatInput(text) else {
                Issue.record("\(text) is taken")
                continue
            }
        }
    }

    @Test func settingsAreChangedAndGivenBack() throws {
        var settings = ChatSettings()
        try settings.set("temperature", "0.5")
        try settings.set("max_tokens", "7")
        try settings.set("seed", "-1")
        try settings.set("verbose", nil)
        #expect(settings == ChatSettings(temperature: 0.5, maxTokens: 7, seed: -1, isVerbose: true))
        try settings.set("temperature", nil)
        try settings.set("verbose", "off")
        #expect(settings.temperature == nil && !settings.isVerbose)
        #expect(settings.text.contains("max_tokens: 7") && settings.text.contains("seed: -1"))
        for (name, value) in [
            ("top_p", "2"), ("max_tokens", "0"), ("temperature", "warm"), ("x", "1"), ("verbose", "x"),
        ] {
            #expect(throws: Failure.self) { try settings.set(name, value) }
        }
    }

    @Test func conversationsAreSavedAndLoaded() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "chat-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let command = try #require(try E2LLMCommand.parseAsRoot(["run", "--system", "be brief"]) as? RunCommand)
        var chat = ChatSession(base: "http://127.0.0.1:9", headers: [:], command: command)
        try chat.save(file.path)
        let text = #"[{"role":"system","content":"be long"},{"role":"user","content":"hi"}]"#
        var other = chat
        try Data(text.utf8).write(to: file)
        try other.load(file.path)
        #expect(other.messages.map(\.content) == ["be long", "hi"])
        other.clear()
        #expect(other.messages.map(\.content) == ["be long"])
        try Data("{}".utf8).write(to: file)
        #expect(throws: Failure.self) { try chat.load(file.path) }
        #expect(chat.messages.map(\.content) == ["be brief"])
    }

    private func typed(_ text: String, into editor: inout LineEditor) -> [LineEditor.Step] {
        text.utf8.map { editor.take($0) }.filter { $0 != .nothing && $0 != .changed }
    }

    @Test func linesAreEdited() {
        var editor = LineEditor()
        // To the front, one right, delete one, and back to the end.
        #expect(typed("abc\u{1}\u{1b}[C\u{1b}[3~\u{5}d\r", into: &editor) == [.line("acd")])
        #expect(typed("one two \u{17}x\u{7f}y\r", into: &editor) == [.line("one y")])
        #expect(typed("one\u{1b}[D\u{15}\u{b}z\n", into: &editor) == [.line("z")])
        #expect(typed("äe\u{301}🙂\u{7f}\r", into: &editor) == [.line("äe\u{301}")])
        #expect(typed("x\u{3}\u{4}", into: &editor) == [.interrupted, .end])
    }

    @Test func earlierLinesComeBack() {
        var editor = LineEditor()
        _ = typed("first\rsecond\rsecond\rdra", into: &editor)
        #expect(typed("\u{1b}[A\u{1b}[A\u{1b}[A\r", into: &editor) == [.line("first")])
        _ = typed("draft", into: &editor)
        #expect(typed("\u{1b}[A\u{1b}OB!\r", into: &editor) == [.line("draft!")])
    }

    @Test func longLinesAreShownInPart() {
        var editor = LineEditor()
        _ = typed("0123456789", into: &editor)
        #expect(editor.window(5) == ("6789", 4))
        _ = typed("\u{1}", into: &editor)
        #expect(editor.window(5) == ("01234", 0))
        #expect(editor.window(0) == ("0", 0))
    }
}
