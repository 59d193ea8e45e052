import Foundation
import Testing

@testable import Inference

/// The tokenizer against Hugging Face's `tokenizers` and the regular expressions of the models.
struct GoldenTokenizerTests {
    struct Splits: Decodable {
        var strings: [String]
        var splits: [String: [String]]
    }

    @Test(arguments: ["gpt-2", "smollm", "llama-bpe", "qwen2"])
    func wordsEqualTheRegularExpressions(name: String) throws {
        let golden = try Fixture.decode(Splits.self, "splits.json")
        let preTokenizer = try #require(PreTokenizer(name: name))
        let expected = try #require(golden.splits[name])
        #expect(golden.strings.count > 2000 && expected.count == golden.strings.count)
        for (string, lengths) in zip(golden.strings, expected) {
            var words: [Int] = []
            preTokenizer.split(ScannedText(string.utf8)) { words.append($0.count) }
            let wanted = lengths.map { Int(String($0), radix: 36) ?? 0 }
            #expect(words == wanted, "\(string.debugDescription)")
        }
    }

    struct Texts: Decodable {
        struct Case: Decodable {
            var text: String
            var ids: [Int32]
            /// Where it differs: the tokens with the text of special tokens taken as text.
            var plain: [Int32]?
        }
        var cases: [Case]
    }

    @Test(.enabled(if: RealModel.path != nil, "set E2LLM_TEST_MODEL to SmolLM2-135M-Instruct (GGUF)"))
    func tokensOfTheRealModel() throws {
        let tokenizer = try Tokenizer(gguf: GGUFFile(path: try #require(RealModel.path)))
        let golden = try Fixture.decode(Texts.self, "smollm2.json")
        #expect(golden.cases.count > 300)
        for item in golden.cases {
            let name = Comment(rawValue: item.text.debugDescription)
            #expect(tokenizer.encode(item.text, addSpecial: false, parseSpecial: true) == item.ids, name)
            let plain = tokenizer.encode(item.text, addSpecial: false, parseSpecial: false)
            #expect(plain == item.plain ?? item.ids, name)
            #expect(tokenizer.decode(plain, skipSpecial: false) == item.text, name)
            #expect(tokenizer.decode(item.ids, skipSpecial: false) == item.text, name)
        }
        #expect(tokenizer.endOfGenerationTokens == [0, 2, 4])
        #expect(tokenizer.vocabularySize == 49152)
    }
}
