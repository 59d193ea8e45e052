import Domain
import Testing

@testable import Gateway

struct SequenceStreamTests {
    private func stream(
        maxTokens: Int = 100, minTokens: Int = 0, stops: [String] = [], includesStop: Bool = false,
        stopTokens: [Int32] = [ByteVocabulary.end]
    ) -> SequenceStream {
        SequenceStream(
            SequenceDemand(
                prompt: [1, 2], sampling: SamplingParameters(),
                stop: StopConditions(maxTokens: maxTokens, minTokens: minTokens, stopTokens: stopTokens),
                stopStrings: stops, includesStopString: includesStop), text: ByteText())
    }

    /// All text and the end of a stream that got one token per message.
    private func run(
        _ stream: inout SequenceStream, _ tokens: [Int32]
    ) -> (text: String, end: SequenceStream.Outcome?) {
        var text = ""
        for (index, token) in tokens.enumerated() {
            for outcome in stream.receive([token], at: index, finishReason: nil) {
                switch outcome {
                case .text(let piece, _, _): text += piece
                default: return (text, outcome)
                }
            }
        }
        return (text, nil)
    }

    @Test func neverSplitsACharacter() {
        var stream = stream()
        let tokens = ByteVocabulary.tokens("a€😀b")
        var pieces: [String] = []
        for (index, token) in tokens.enumerated() {
            for case .text(let text, _, _) in stream.receive([token], at: index, finishReason: nil) {
                pieces.append(text)
            }
        }
        #expect(pieces.filter { !$0.isEmpty } == ["a", "€", "😀", "b"])
        #expect(pieces.count == tokens.count)
    }

    @Test func anUnfinishedCharacterEndsAsReplacement() {
        var stream = stream()
        #expect(
            stream.receive([0xe2, 0x82], at: 0, finishReason: .length) == [
                .text("\u{fffd}", tokens: 2), .ended(.length, stop: nil),
            ])
    }

    @Test func stopStringAcrossTokens() {
        var one = stream(stops: ["END", "STOP"])
        let result = run(&one, ByteVocabulary.tokens("some EN ENDless"))
        #expect(result.text == "some EN ")
        #expect(result.end == .ended(.stop, stop: .string("END")))
        #expect(one.hasEnded)
        var two = stream(stops: ["END"], includesStop: true)
        #expect(run(&two, ByteVocabulary.tokens("x ENDy")).text == "x END")
    }

    @Test func stopStringInOneMessageCountsTokensUpToIt() {
        var stream = stream(stops: ["b"])
        #expect(
            stream.receive(ByteVocabulary.tokens("aabcc"), at: 0, finishReason: nil) == [
                .text("aa", tokens: 3), .ended(.stop, stop: .string("b")),
            ])
        #expect(stream.emitted.count == 3)
    }

    @Test func heldTextIsShownAtTheEnd() {
        var stream = stream(stops: ["END"])
        #expect(
            stream.receive(ByteVocabulary.tokens("x EN"), at: 0, finishReason: .length) == [
                .text("x EN", tokens: 4), .ended(.length, stop: nil),
            ])
    }

    @Test func endTokenIsNotShown() {
        var stream = stream()
        #expect(
            stream.receive(ByteVocabulary.tokens("hi") + [256], at: 0, finishReason: .stop) == [
                .text("hi", tokens: 3), .ended(.stop, stop: .token(256)),
            ])
    }

    @Test func minimumTokensKeepStopsFromEnding() {
        var stream = stream(minTokens: 4, stops: ["a"])
        let result = run(&stream, [97, 97, 256, 97, 98])
        #expect(result.text == "aa")
        #expect(result.end == .ended(.stop, stop: .string("a")))
        #expect(stream.emitted.count == 4)
    }

    @Test func duplicatesAreDroppedAndGapsReported() {
        var stream = stream()
        #expect(stream.receive([97, 98], at: 0, finishReason: nil) == [.text("ab", tokens: 2)])
        #expect(stream.receive([97, 98], at: 0, finishReason: nil).isEmpty)
        #expect(stream.receive([98, 99], at: 1, finishReason: nil) == [.text("c", tokens: 1)])
        #expect(stream.receive([97], at: 0, finishReason: nil).isEmpty)
        #expect(stream.receive([100], at: 5, finishReason: nil) == [.gap(expected: 3, received: 5)])
        #expect(stream.receive([100], at: -1, finishReason: nil).isEmpty)
        #expect(stream.continuation == [1, 2, 97, 98, 99])
    }

    @Test func endsAtItsLengthWhateverTheWorkerSays() {
        var stream = stream(maxTokens: 3)
        #expect(
            stream.receive(ByteVocabulary.tokens("abcdef"), at: 0, finishReason: nil) == [
                .text("abc", tokens: 3), .ended(.length, stop: nil),
            ])
        #expect(stream.receive([97], at: 3, finishReason: nil).isEmpty)
    }

    /// However the bytes are cut into messages, text and end are the same.
    @Test(arguments: 0..<20) func cuttingIntoMessagesChangesNothing(seed: UInt64) {
        var random = SeededRandom(state: seed)
        let tokens = ByteVocabulary.tokens("Grüße, the 😀 world STO STOP and more")
        var stream = stream(stops: ["STOP", "OP!"])
        var text = ""
        var ended = false
        var index = 0
        while index < tokens.count, !ended {
            let count = min(tokens.count - index, Int.random(in: 1...7, using: &random))
            for outcome in stream.receive(Array(tokens[index..<index + count]), at: index, finishReason: nil) {
                switch outcome {
                case .text(let piece, _, _): text += piece
                case .ended(let reason, let stop):
                    ended = true
                    #expect(reason == .stop)
                    #expect(stop == .string("STOP"))
                case .gap, .prompt: Issue.record("a gap")
                }
            }
            index += count
        }
        #expect(ended)
        #expect(text == "Grüße, the 😀 world STO ")
    }
}

/// splitmix64.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
