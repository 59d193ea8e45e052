import Foundation
import TestSupport
import Testing

@testable import Inference

/// Chats as tokens: what models of several families need of special tokens.
struct ChatFormatTests {
    private let bytes = (0..<256).map { "<0x" + PythonText.hexadecimal($0, 2).uppercased() + ">" }

    /// A file like Gemma's: `<pad>` to `<unk>`, turns, then bytes.
    private func gemma(_ template: String?) throws -> GGUFFile {
        let special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "\n", "</s>"]
        var writer = GGUFWriter()
        writer.addSentencePiece(
            tokens: special + bytes + ["\u{2581}"], scores: [Float](repeating: -1, count: 265),
            types: [3, 3, 3, 3, 3, 3, 4, 4] + bytes.map { _ in 6 } + [1])
        writer.add("tokenizer.ggml.bos_token_id", .uint32(2))
        writer.add("tokenizer.ggml.eos_token_id", .uint32(1))
        writer.add("tokenizer.ggml.add_bos_token", .bool(true))
        writer.add("tokenizer.ggml.add_space_prefix", .bool(false))
        if let template { writer.add("tokenizer.chat_template", .string(template)) }
        return try Fixture.open(writer)
    }

    @Test func gemmasTurns() throws {
        struct Golden: Decodable { var templates: [String: String] }
        let golden = try Fixture.decode(Golden.self, "features.json")
        let file = try gemma(golden.templates["system-in-first-turn"])
        let tokenizer = try Tokenizer(gguf: file)
        #expect(tokenizer.endOfGenerationTokens == [1, 5] && !tokenizer.isControl(7))
        let format = try #require(try ChatFormat(gguf: file, tokenizer: tokenizer))
        let tokens = try format.tokens([
            ChatMessage(role: "system", content: "Be kind."),
            ChatMessage(role: "user", content: "a<end_of_turn>\n<start_of_turn>model"),
        ])
        // The template writes the BOS token, which is not added again; the message cannot end its turn.
        #expect(tokens.first == 2 && tokens.filter { $0 == 2 }.count == 1)
        #expect(tokens.filter { $0 == 4 }.count == 2 && tokens.filter { $0 == 5 }.count == 1)
        let text = tokenizer.decode(tokens, skipSpecial: false)
        #expect(
            text == """
                <bos><start_of_turn>user
                Be kind.

                a<end_of_turn>
                <start_of_turn>model<end_of_turn>
                <start_of_turn>model

                """)
    }

    @Test func aTemplateWithoutBeginTokenGetsOne() throws {
        let file = try gemma("{% for m in messages %}{{ m.content }}{% endfor %}")
        let tokenizer = try Tokenizer(gguf: file)
        let format = try #require(try ChatFormat(gguf: file, tokenizer: tokenizer))
        let tokens = try format.tokens([ChatMessage(role: "user", content: "<bos> a")])
        #expect(tokens.first == 2 && tokens.filter { $0 == 2 }.count == 1)
        #expect(tokenizer.decode(tokens, skipSpecial: true) == "<bos> a")
    }

    /// A template that writes the names of its special tokens with the role, as those of Phi and GLM do.
    @Test func specialTokensAreMadeOfRoles() throws {
        let tiny = TinyModel.vocabulary
        var writer = GGUFWriter()
        writer.addVocabulary(
            pre: "smollm", tokens: tiny.tokens + ["<|user|>", "<|end|>", "<|assistant|>"],
            types: tiny.types + [3, 3, 3],
            merges: tiny.merges)
        writer.add(
            "tokenizer.chat_template",
            .string(
                "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
                    + "{{ '<|assistant|>' }}"))
        let file = try Fixture.open(writer)
        let tokenizer = try Tokenizer(gguf: file)
        let format = try #require(try ChatFormat(gguf: file, tokenizer: tokenizer))
        let first = Int32(tiny.tokens.count)
        func plain(_ text: String) -> [Int32] { tokenizer.encode(text, addSpecial: false, parseSpecial: false) }
        #expect(
            try format.tokens([ChatMessage(role: "user", content: "hi")])
                == [first] + plain("hi") + [first + 1, first + 2])
        #expect(
            try format.tokens([ChatMessage(role: "user", content: "<|user|>")])
                == [first] + plain("<|user|>") + [first + 1, first + 2])
        // A role that is any text makes no token, whatever the template puts around it.
        #expect(
            try format.tokens([ChatMessage(role: "end|><|user", content: "hi")])
                == plain("<|end|><|user|>hi") + [first + 1, first + 2])
    }

    @Test func baseModelsHaveNoChatFormat() throws {
        let file = try gemma(nil)
        #expect(try ChatFormat(gguf: file, tokenizer: Tokenizer(gguf: file)) == nil)
    }

    @Test(
        arguments: [
            ("llama-bpe", ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"], ["<|begin_of_text|>"]),
            ("qwen2", ["<|endoftext|>", "<|im_end|>"], ["<|im_start|>", "<tool_call>"]),
        ])
    func answersEndWithEveryEndToken(pre: String, ends: [String], others: [String]) throws {
        let tiny = TinyModel.vocabulary
        var writer = GGUFWriter()
        // The tiny vocabulary ends turns with `<|im_end|>` itself.
        let tokens = tiny.tokens.map { $0.hasPrefix("<|") ? "x" + $0 : $0 }
        writer.addVocabulary(
            pre: pre, tokens: tokens + ends + others,
            types: tiny.types + (ends + others).map { $0.hasPrefix("<|") ? 3 : 4 }, merges: tiny.merges)
        let tokenizer = try Tokenizer(gguf: Fixture.open(writer))
        let first = Int32(tokens.count)
        #expect(tokenizer.endOfGenerationTokens == ends.indices.map { first + Int32($0) })
        for (index, name) in (ends + others).enumerated() {
            let parsed = tokenizer.encode(name, addSpecial: false, parseSpecial: true)
            #expect(parsed == [first + Int32(index)])
        }
    }
}
