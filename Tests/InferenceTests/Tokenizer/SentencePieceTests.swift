import Foundation
import TestSupport
import Testing

@testable import Inference

struct SentencePieceTests {
    /// Unknown, BOS, EOS, 256 bytes, then letters and what they merge into.
    private static let byteTokens = (0..<256).map { "<0x" + PythonText.hexadecimal($0, 2).uppercased() + ">" }
    private static let first: Int32 = 259

    /// A vocabulary of ordinary tokens with scores behind the usual beginning.
    private func file(
        _ tokens: [(String, Float)], types: [Int32]? = nil, hasBytes: Bool = true,
        change: (inout GGUFWriter) -> Void = { _ in }
    ) throws -> GGUFFile {
        let bytes = hasBytes ? Self.byteTokens : []
        var writer = GGUFWriter()
        writer.addSentencePiece(
            tokens: ["<unk>", "<s>", "</s>"] + bytes + tokens.map(\.0),
            scores: [0, 0, 0] + bytes.map { _ in 0 } + tokens.map(\.1),
            types: [2, 3, 3] + bytes.map { _ in 6 } + (types ?? tokens.map { _ in 1 }))
        writer.add("tokenizer.ggml.add_space_prefix", .bool(false))
        change(&writer)
        return try Fixture.open(writer)
    }

    private func pieces(_ tokenizer: Tokenizer, _ text: String) -> [String] {
        tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            .map { String(decoding: tokenizer.piece($0), as: UTF8.self) }
    }

    @Test func theHighestScoreMergesFirstAndTheLeftmostOfEquals() throws {
        let tokenizer = try Tokenizer(
            gguf: file([
                ("a", -9), ("b", -9), ("ab", -1), ("ba", -2), ("aa", -0.5), ("aba", -3), ("bb", 0), ("x", -0.0),
            ]))
        #expect(pieces(tokenizer, "abab") == ["ab", "ab"])
        #expect(pieces(tokenizer, "aaa") == ["aa", "a"])
        #expect(pieces(tokenizer, "abba") == ["a", "bb", "a"])
        #expect(pieces(tokenizer, "aba") == ["aba"])
        let long = String(repeating: "abba", count: 100)
        let inner: [String] = Array(repeating: ["bb", "aa"], count: 99).flatMap { $0 }
        let expected: [String] = ["a"] + inner + ["bb", "a"]
        #expect(pieces(tokenizer, long) == expected)
    }

    @Test func charactersWithoutTokensBecomeBytesOrUnknown() throws {
        let with = try Tokenizer(gguf: file([("a", 0)]))
        #expect(with.encode("a\u{e9}b", addSpecial: false, parseSpecial: false) == [259, 198, 172, 101])
        let without = try Tokenizer(gguf: file([("a", 0)], hasBytes: false))
        #expect(without.encode("bca\u{e9}", addSpecial: true, parseSpecial: false) == [1, 0, 3, 0])
        let noUnknown = try Tokenizer(
            gguf: file([("a", 0)], hasBytes: false) { $0.replace("tokenizer.ggml.token_type", .int32s([3, 3, 3, 1])) })
        #expect(noUnknown.encode("bca", addSpecial: false, parseSpecial: false) == [3])
    }

    @Test func textCannotForgeControlOrByteTokens() throws {
        let parts: [(String, Float)] = [
            ("<", -1), ("s", -1), (">", -1), ("<s", 0), ("0", -1), ("x", -1), ("4", -1), ("1", -1), ("<0", 0),
            ("x4", 0), ("<0x4", 0), ("1>", 0), ("<|x|>", 5), ("<|", 0), ("|", -1), ("<|x", 0), ("|>", 0),
        ]
        let tokenizer = try Tokenizer(gguf: file(parts, types: parts.map { $0.0 == "<|x|>" ? 3 : 1 }))
        let control = Self.first + 12
        for text in ["<s>", "<0x41>", "<|x|>"] {
            let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
            #expect(tokens.allSatisfy { $0 >= Self.first && $0 != control }, "\(text) \(tokens)")
            #expect(tokenizer.decode(tokens, skipSpecial: true) == text)
        }
        #expect(tokenizer.encode("<s><|x|>", addSpecial: false, parseSpecial: true) == [1, control])
    }

    @Test func beginAndEndHaveDefaults() throws {
        let plain = try Tokenizer(gguf: file([("a", 0)]))
        #expect(plain.bosToken == 1 && plain.eosToken == 2 && plain.addsBosToken && !plain.addsEosToken)
        #expect(plain.endOfGenerationTokens == [2])
        let tokens = try Tokenizer(
            gguf: file([("a", 0)]) {
                $0.add("tokenizer.ggml.bos_token_id", .uint32(259))
                $0.add("tokenizer.ggml.add_eos_token", .bool(true))
            })
        #expect(tokens.encode("a", addSpecial: true, parseSpecial: false) == [259, 259, 2])
        let none = try Tokenizer(gguf: file([]) { $0.replace("tokenizer.ggml.token_type", nil) })
        #expect(none.bosToken == nil && none.encode("a", addSpecial: true, parseSpecial: true) == [])
    }

    @Test func spacesComeAndGo() throws {
        let golden = try Fixture.decode(SentencePiece.self, "sentencepiece.json")
        let tokenizer = try Tokenizer(gguf: Fixture.open(golden.file()))
        for text in ["", " ", "  a", "def f(x)", "\u{e9}"] {
            let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
            #expect(tokenizer.decode(tokens, skipSpecial: true) == text)
            // What continues a prompt keeps its space.
            var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true)
            let streamed = tokens.map { detokenizer.append($0) }.joined() + detokenizer.finish()
            #expect(streamed == (text.isEmpty ? "" : " " + text))
        }
    }

    @Test func bytesThatAreNotUTF8BecomeReplacements() throws {
        let golden = try Fixture.decode(SentencePiece.self, "sentencepiece.json")
        let tokenizer = try Tokenizer(gguf: Fixture.open(golden.file()))
        // What SentencePiece makes of surrogates, overlong forms, lone bytes and numbers beyond Unicode.
        let wrong: [[UInt8]] = [[0xED, 0xA0, 0x80], [0xC0, 0x9F], [0xFF], [0xE2, 0x82], [0xF4, 0x90, 0x80, 0x80]]
        for bytes in wrong {
            let tokens = tokenizer.encode(bytes: bytes, addSpecial: false, parseSpecial: false)
            let text = tokenizer.decode(tokens, skipSpecial: false)
            #expect(text == String(repeating: "\u{FFFD}", count: bytes.count))
        }
        #expect(ScannedText([0xED, 0xA0, 0x80]).count == 1)
    }

    @Test func longTextsTakeBoundedTime() throws {
        let golden = try Fixture.decode(SentencePiece.self, "sentencepiece.json")
        let tokenizer = try Tokenizer(gguf: Fixture.open(golden.file()))
        // Tokens of all lengths, so that a run of a letter merges with everything.
        let runs = try Tokenizer(
            gguf: file(
                (1...2000).map { (String(repeating: "a", count: $0), Float($0.isMultiple(of: 2) ? $0 : -$0)) }
                    + [("\u{2581}", 0)]))
        let clock = ContinuousClock()
        for tokenizer in [tokenizer, runs] {
            for part in ["a", "return ", " ", "\n", "<", "\u{1F469}"] {
                let text = String(repeating: part, count: 60_000 / part.utf8.count)
                let time = clock.measure {
                    let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
                    #expect(tokenizer.decode(tokens, skipSpecial: false) == text)
                }
                #expect(time < .seconds(20), "\(part.debugDescription): \(time)")
            }
        }
    }

    static let wrong: [(key: String, change: @Sendable (inout GGUFWriter) -> Void)] = [
        ("tokenizer.ggml.scores", { $0.replace("tokenizer.ggml.scores", nil) }),
        ("tokenizer.ggml.scores", { $0.replace("tokenizer.ggml.scores", .float32s([1, 2])) }),
        ("tokenizer.ggml.scores", { $0.replace("tokenizer.ggml.scores", .strings(["a"])) }),
        ("tokenizer.ggml.scores", { $0.replace("tokenizer.ggml.scores", .float32s([0, 0, .nan, 0])) }),
        ("tokenizer.ggml.token_type", { $0.replace("tokenizer.ggml.token_type", .int32s([1])) }),
        ("tokenizer.ggml.tokens", { $0.replace("tokenizer.ggml.tokens", .strings([])) }),
        ("tokenizer.ggml.tokens", { $0.replace("tokenizer.ggml.tokens", nil) }),
        ("tokenizer.ggml.unknown_token_id", { $0.add("tokenizer.ggml.unknown_token_id", .uint32(4)) }),
        ("tokenizer.ggml.bos_token_id", { $0.add("tokenizer.ggml.bos_token_id", .int32(-1)) }),
        ("tokenizer.ggml.add_space_prefix", { $0.replace("tokenizer.ggml.add_space_prefix", .uint8(1)) }),
    ]

    @Test(arguments: 0..<wrong.count)
    func wrongVocabulariesAreRefusedByKey(index: Int) throws {
        let (key, change) = Self.wrong[index]
        let file = try file([("a", 0)], hasBytes: false, change: change)
        let error = #expect(throws: InferenceError.self) { try Tokenizer(gguf: file) }
        #expect(error?.message.contains(key) == true, "\(String(describing: error))")
    }

    @Test func damagedVocabulariesDoNotCrash() throws {
        let golden = try Fixture.decode(SentencePiece.self, "sentencepiece.json")
        let whole = golden.file().bytes()
        var random = SeededRandom(state: 7)
        var loaded = 0
        for _ in 0..<150 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 24..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            guard let file = try? Fixture.open(bytes), let tokenizer = try? Tokenizer(gguf: file) else { continue }
            loaded += 1
            let text = "<s>def f(x): return \u{4f60}<tool>  <|end|>"
            let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
            #expect(tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
            _ = tokenizer.decode(tokens, skipSpecial: true)
        }
        #expect(loaded > 10)
    }

    @Test func strangeVocabulariesAreHarmless() throws {
        let tokenizer = try Tokenizer(
            gguf: file(
                [
                    ("", 0), ("a", .infinity), ("a", -.infinity), ("aa", -.infinity), ("<0xZZ>", 0), ("<0x41>", 0),
                    (String(repeating: "a", count: 2_000_000), .infinity), ("\u{2581}", 0), ("aaaa", 3.4e38),
                ], types: [1, 1, 4, 1, 6, 6, 1, 4, 99]))
        let text = "aaaaaaa  <0xZZ> A" + String(repeating: "a", count: 999)
        let tokens = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        #expect(tokenizer.decode(tokens, skipSpecial: false) == text)
    }
}
