import Foundation
import TestSupport
import Testing

@testable import Inference

/// The SentencePiece tokenizer against SentencePiece and llama.cpp.
struct SentencePieceGoldenTests {
    struct Gemma: Decodable {
        struct Case: Decodable {
            var text: String
            /// With the text of special tokens read as those.
            var ids: [Int32]
            /// With the text of control tokens taken as text.
            var plain: [Int32]
        }
        var cases: [Case]
    }

    @Test func tokensOfATrainedVocabulary() throws {
        let golden = try Fixture.decode(SentencePiece.self, "sentencepiece.json")
        let tokenizer = try Tokenizer(gguf: Fixture.open(golden.file()))
        let bare = try Tokenizer(
            gguf: Fixture.open(golden.file { $0.add("tokenizer.ggml.add_space_prefix", .bool(false)) }))
        #expect(golden.cases.count > 200 && golden.parsed.count > 30)
        for item in golden.cases {
            let name = Comment(rawValue: item.text.debugDescription)
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: false) == item.ids, name)
            #expect(bare.encode(item.text, addSpecial: false, parseSpecial: false) == item.bare, name)
            #expect(tokenizer.encode(item.text, addSpecial: true, parseSpecial: false) == [1] + item.ids, name)
            // U+2581 comes back as a space.
            let text = item.text.replacingOccurrences(of: "\u{2581}", with: " ")
            #expect(tokenizer.decode(item.ids, skipSpecial: true) == text, name)
            #expect(bare.decode(item.bare, skipSpecial: true) == text, name)
        }
        for item in golden.parsed {
            let tokens = tokenizer.encode(item.text, addSpecial: false, parseSpecial: true)
            #expect(tokens == item.ids, Comment(rawValue: item.text.debugDescription))
        }
    }

    static let gemmaPath = ProcessInfo.processInfo.environment["E2LLM_TEST_GEMMA"]

    @Test(.enabled(if: gemmaPath != nil, "set E2LLM_TEST_GEMMA to Gemma-3-270M (GGUF): ./scripts/model gemma3"))
    func tokensOfGemma() throws {
        let clock = ContinuousClock()
        let file = try GGUFFile(path: try #require(Self.gemmaPath))
        var loaded: Tokenizer?
        let time = try clock.measure { loaded = try Tokenizer(gguf: file) }
        let tokenizer = try #require(loaded)
        // 0.13 s in a release build; anything quadratic would take hours.
        #expect(time < .seconds(20))
        let golden = try Fixture.decode(Gemma.self, "gemma3.json")
        #expect(golden.cases.count > 60)
        for item in golden.cases {
            let name = Comment(rawValue: item.text.debugDescription)
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: true) == item.ids, name)
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: false) == item.plain, name)
            let text = item.text.replacingOccurrences(of: "\u{2581}", with: " ")
            #expect(tokenizer.decode(item.plain, skipSpecial: false) == text, name)
        }
        #expect(tokenizer.vocabularySize == 262_144 && tokenizer.endOfGenerationTokens == [1, 106])
        #expect(tokenizer.encode("", addSpecial: true, parseSpecial: true) == [2])
        // Struck-out text does not end an answer.
        #expect(tokenizer.encode("<s>x</s>", addSpecial: false, parseSpecial: false) == [203, 236_781, 212])
        #expect(!tokenizer.isControl(212) && !tokenizer.isEndOfGeneration(212))
        #expect(try ChatFormat(gguf: file, tokenizer: tokenizer) == nil)
    }
}

/// A vocabulary that SentencePiece trained, with texts.
struct SentencePiece: Decodable {
    struct Case: Decodable {
        var text: String
        var ids: [Int32]
        /// Without the space before the text.
        var bare: [Int32]
    }
    /// A text with the names of special tokens, read as those.
    struct Parsed: Decodable {
        var text: String
        var ids: [Int32]
    }
    var tokens: [String]
    var scores: [Float]
    var types: [Int32]
    var cases: [Case]
    var parsed: [Parsed]

    /// A file with the vocabulary only.
    func file(change: (inout GGUFWriter) -> Void = { _ in }) -> GGUFWriter {
        var writer = GGUFWriter()
        writer.addSentencePiece(tokens: tokens, scores: scores, types: types)
        change(&writer)
        return writer
    }
}

extension GGUFWriter {
    /// Adds the keys of a SentencePiece vocabulary.
    mutating func addSentencePiece(tokens: [String], scores: [Float], types: [Int32]) {
        add("tokenizer.ggml.model", .string("llama"))
        add("tokenizer.ggml.tokens", .strings(tokens))
        add("tokenizer.ggml.scores", .float32s(scores))
        add("tokenizer.ggml.token_type", .int32s(types))
    }
}
