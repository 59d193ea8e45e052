import Domain
import Scheduling
import Testing

@Suite("Batching") struct BatchingTests {
    private func plan(_ name: String, _ tokens: Int) -> SequencePlan {
        SequencePlan(request: RequestID(name), tokenCount: tokens, prefillsHere: true, decodesHere: true)
    }

    /// The parts of all steps until nothing is left to do but decoding, as `request:rows`.
    private func steps(_ batching: Batching, _ lengths: [(String, Int)]) -> [[String]] {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 64, batching: batching), stageCount: 1)
        _ = driver.open(plan("first", 10))
        var steps: [[String]] = []
        for round in 0..<8 {
            if round == 1 { for (name, tokens) in lengths { _ = driver.open(plan(name, tokens)) } }
            guard let (step, _) = driver.nextStep() else { break }
            steps.append(step.parts.map { "\($0.request):\($0.count)" })
            _ = driver.stepDone(
                step.number, results: step.parts.filter(\.sample).map { StepResult(request: $0.request, token: 7) })
            if round > 0, driver.waitingCount == 0 { break }
        }
        return steps
    }

    @Test func chunksRideOnDecodeSteps() {
        #expect(
            steps(.chunks, [("long", 100), ("short", 20)]) == [
                ["first:10"], ["first:1", "short:20", "long:43"], ["first:1", "short:1", "long:57"],
            ])
    }

    /// One prompt a step, in the order of arrival; what decodes waits until no prompt does.
    @Test func wholePromptsGoFirstAndAlone() {
        #expect(
            steps(.wholePrompts, [("long", 100), ("short", 20)]) == [
                ["first:10"], ["long:64"], ["long:36"], ["short:20"],
            ])
    }

    @Test func decodingGoesOnBehindThem() throws {
        var driver = StageDriver(policy: BatchPolicy(maxBatchedTokens: 64, batching: .wholePrompts), stageCount: 1)
        for name in ["a", "b"] { _ = driver.open(plan(name, 30)) }
        var kinds: [[Bool]] = []
        for _ in 0..<3 {
            let next = driver.nextStep()
            let step = try #require(next).step
            kinds.append(step.parts.map { $0.inputToken != nil })
            _ = driver.stepDone(step.number, results: step.parts.map { StepResult(request: $0.request, token: 7) })
        }
        #expect(kinds == [[false], [false], [true, true]])
    }

    @Test func limitsAreReadAndWritten() {
        for limit in [DecodeLimit.twicePlanned, .planned, .fixed(16)] { #expect(DecodeLimit(limit.text) == limit) }
        for text in ["", "0", "-1", "5000", "Planned", "1.5"] { #expect(DecodeLimit(text) == nil) }
        #expect([DecodeLimit.twicePlanned, .planned, .fixed(9)].map { $0.sequences(planned: 5) } == [10, 5, 9])
        #expect([DecodeLimit.twicePlanned, .planned].map { $0.sequences(planned: 0) } == [1, 1])
    }
}
