import Domain
import Foundation
import Testing

@testable import Protocol

/// What is written and read without `Codable` is the same as with it.
@Suite struct DirectCodingTests {
    private static let texts = [
        "", "r1", "req-0123456789abcdef", "a \"b\" \\ /c/", "tab\tnewline\nreturn\rbell\u{7}\u{0}\u{1f}", "größe 模型 🙂",
        "\u{7f}\u{2028}",
    ]

    private func text(_ random: inout SeededRandom) -> String { Self.texts[random.below(Self.texts.count)] }
    private func maybe<Value>(_ random: inout SeededRandom, _ value: Value) -> Value? {
        random.below(2) == 0 ? nil : value
    }
    private func number(_ random: inout SeededRandom) -> Int {
        [0, 1, -1, 9, 10, 1 << 40, .max, .min, (random.below(10_000) - 5000)][random.below(9)]
    }
    private func token(_ random: inout SeededRandom) -> Int32 {
        [0, -1, .max, .min, Int32(random.below(150_000))][random.below(5)]
    }
    private func list<Value>(_ random: inout SeededRandom, _ make: (inout SeededRandom) -> Value) -> [Value] {
        (0..<random.below(5)).map { _ in make(&random) }
    }

    private func check<Value: DirectlyCoded & Equatable>(_ value: Value) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = value.directBytes
        #expect(bytes == Array(try encoder.encode(value)), "\(String(decoding: bytes, as: UTF8.self))")
        let read: Value = try Codec.json(bytes, what: "value")
        #expect(read == value)
        if !bytes.contains(UInt8(ascii: "\\")) { #expect(Value.direct(bytes) == value, "plain text is read directly") }
        // With blanks and keys in another order, as others write it.
        encoder.outputFormatting = [.prettyPrinted]
        #expect(try Codec.json(Array(try encoder.encode(value)), what: "value") == value)
    }

    @Test(arguments: 0..<200) func bytesAndValuesAreTheSame(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        try check(
            Envelope(
                type: MessageType(rawValue: text(&random)), id: text(&random), replyTo: maybe(&random, text(&random)),
                session: text(&random), request: maybe(&random, RequestID(text(&random))),
                epoch: maybe(&random, UInt64.max), seq: maybe(&random, UInt64(bitPattern: Int64(number(&random)))),
                status: maybe(&random, [ReplyStatus.ok, .error][seed % 2]), final: maybe(&random, seed % 3 == 0),
                deadlineMilliseconds: maybe(&random, 17)))
        func part(_ random: inout SeededRandom) -> StepPart {
            StepPart(
                request: RequestID(text(&random)), start: number(&random), count: number(&random),
                sample: random.below(2) == 0, inputToken: maybe(&random, token(&random)),
                guesses: maybe(&random, list(&random, token)))
        }
        try check(
            StageForward(
                step: 7, replica: ReplicaID(text(&random)), stage: number(&random), entries: list(&random, part),
                tensors: list(&random) { random in
                    TensorDescriptor(name: text(&random), dtype: .f32, shape: list(&random, number))
                }))
        try check(
            StageDone(
                step: .max, replica: ReplicaID(text(&random)),
                tokens: list(&random) { random in
                    StepResult(
                        request: RequestID(text(&random)), token: token(&random),
                        finishReason: maybe(&random, [FinishReason.stop, .length, .abort, .error][seed % 4]))
                }))
        try check(
            TokensEmitted(
                tokens: list(&random, token), finishReason: maybe(&random, .stop),
                cachedTokens: maybe(&random, number(&random)), guessedTokens: maybe(&random, number(&random)),
                tensors: maybe(
                    &random, [TensorDescriptor(name: "logprobs", dtype: .f32, shape: list(&random, number))])))
    }

    /// Whatever a text is, the direct reader takes it for what the general one takes it for, or leaves it to that one.
    @Test(arguments: 0..<300) func damagedTextIsLeftToTheGeneralReader(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed) &+ 9000)
        var bytes = StageForward(
            step: 3, replica: "r", stage: 1,
            entries: [
                StepPart(request: "a", start: 5, count: 1, sample: true, inputToken: 9),
                StepPart(request: "b", start: 0, count: 3, sample: false, guesses: [1, 22]),
            ], hidden: 64
        ).directBytes
        for _ in 0..<(1 + random.below(3)) {
            let place = random.below(bytes.count)
            switch random.below(3) {
            case 0: bytes[place] = Array("{}[]\",:0123456789-.eE\\ntruefals ".utf8)[random.below(32)]
            case 1: bytes.remove(at: place)
            default: bytes.insert(bytes[random.below(bytes.count)], at: place)
            }
        }
        guard let direct = StageForward.direct(bytes) else { return }
        let general = try? JSONDecoder().decode(StageForward.self, from: Data(bytes))
        #expect(general == direct, "\(String(decoding: bytes, as: UTF8.self))")
    }

    @Test func unusualTextIsReadAllTheSame() throws {
        for (text, tokens) in [
            (#"{"tokens":[1,2]}"#, [1, 2]), (#" { "tokens" : [ ] } "#, []),
            (#"{"tokens":[1],"new_field":{"a":[1]}}"#, [1]),
            (#"{"tokens":[1],"finish_reason":null}"#, [1]), (#"{"\u0074okens":[3]}"#, [3]), (#"{"tokens":[1.0]}"#, [1]),
        ] {
            let body: TokensEmitted = try Codec.json(Array(text.utf8), what: "body")
            #expect(body.tokens == tokens.map(Int32.init))
        }
        for text in [
            #"{"tokens":[1]"#, #"{"tokens":[01]}"#, #"{"tokens":[2147483648]}"#, #"{"tokens":"1"}"#, "", "[]", #"{}"#,
            #"{"tokens":[1]}x"#, #"{"tokens":[-]}"#,
        ] {
            #expect(throws: ProtocolError.self) {
                let _: TokensEmitted = try Codec.json(Array(text.utf8), what: "body")
            }
        }
    }
}
