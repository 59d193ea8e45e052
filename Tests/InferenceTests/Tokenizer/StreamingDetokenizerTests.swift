import TestSupport
import Testing

@testable import Inference

struct StreamingDetokenizerTests {
    private let tokenizer: Tokenizer

    init() throws { tokenizer = try Tokenizer(gguf: Fixture.open(Fixture.vocabulary())) }

    @Test func piecesAreWholeCodePoints() {
        let text = "hello \u{e9}\u{4f60}\u{1F468}\u{200D}\u{1F469} \u{FFFD} end"
        var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true)
        var result = ""
        for token in tokenizer.encode(text, addSpecial: false, parseSpecial: false) {
            let piece = detokenizer.append(token)
            #expect(text.unicodeScalars.starts(with: (result + piece).unicodeScalars))
            result += piece
        }
        #expect(result == text && detokenizer.finish() == "")
    }

    @Test func anyBytesGiveTheTextThatDecodingAtOnceGives() {
        var random = SeededRandom(state: 11)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                [UInt8.random(in: 0...255, using: &random), 0xE2, 0x82, 0xED, 0xF0, 0x9F, 0xF4, 0xC3, 0x41]
                    .randomElement(
                        using: &random) ?? 0
            }
            // Tokens 3..<259 are the bytes.
            let tokens = bytes.map { Int32($0) + 3 }
            var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true)
            var result = tokens.map { detokenizer.append($0) }.joined()
            result += detokenizer.finish()
            #expect(result == String(decoding: bytes, as: UTF8.self), "\(bytes)")
        }
    }

    @Test func specialTokensAreShownOrNot() {
        let tokens = tokenizer.encode("a<|im_end|>b", addSpecial: false, parseSpecial: true)
        for (skips, expected) in [(true, "ab"), (false, "a<|im_end|>b")] {
            var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: skips)
            #expect(tokens.map { detokenizer.append($0) }.joined() + detokenizer.finish() == expected)
        }
    }

    @Test func anIncompleteEndIsReplacedOnce() {
        var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true)
        #expect(detokenizer.append(0xF0 + 3) == "" && detokenizer.append(0x9F + 3) == "")
        #expect(detokenizer.finish() == "\u{FFFD}" && detokenizer.finish() == "")
        #expect(detokenizer.append(-5) == "")
    }
}
