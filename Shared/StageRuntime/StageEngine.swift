import Domain
import Inference
import Protocol
import Scheduling

/// A loaded stage with what sampling needs to know about its sequences. Lives on the compute thread only.
final class StageEngine {
    /// Which layer ranges of a prefill stage go to which decoder stages.
    struct KVExport: Sendable {
        var request: RequestID
        var layers: LayerRange
        var start: Int
        var count: Int
        var bytes: [UInt8]
        var endpoint: String
    }

    /// One part of a step with everything that the engine needs for it.
    struct Part: Sendable {
        var entry: StepEntry
        /// Decoder stages that need this part's KV cache.
        var consumers: [RouteStage]
    }

    /// What became of a step.
    struct Outcome: Sendable {
        enum Output: Sendable {
            case hidden([UInt8])
            case sampled([Sampled])
        }
        var output: Output
        var exports: [KVExport]
        /// Seconds, with the rest of the duty cycle.
        var seconds: Double
    }

    /// A sampled token and its place in the output.
    struct Sampled: Sendable {
        var result: StepResult
        var index: Int
    }

    private struct Sampling {
        var parameters: SamplingParameters
        var stop: StopConditions
        var reservedTokens: Int
        /// Tokens of the sequence so far, prompt and output.
        var length: Int
        var generated: Int
        var history: TokenHistory
    }

    let executor: StageExecutor
    private let duty: DutyCycle
    private var sampling: [RequestID: Sampling] = [:]
    private var sampler = Sampler()
    private var masked: [Float] = []

    init(executor: StageExecutor, duty: DutyCycle) {
        self.executor = executor
        self.duty = duty
    }

    /// Reserves KV cache; opening twice changes nothing.
    func reserve(_ request: RequestID, tokens: Int) throws {
        if executor.cache.length(of: request) == nil { try executor.open(request, reservedTokens: tokens) }
    }

    /// Prepares the last stage for sampling; `tokens` holds the prompt and the output so far.
    func prepareSampling(_ request: RequestID, _ open: SequenceOpen, tokens: [Int32]) {
        guard executor.isLast, sampling[request] == nil else { return }
        let prompt = tokens.dropLast(open.generatedTokens)
        sampling[request] = Sampling(
            parameters: open.sampling, stop: open.stop, reservedTokens: open.reservedTokens, length: tokens.count,
            generated: open.generatedTokens,
            history: TokenHistory(prompt: Array(prompt), output: Array(tokens.suffix(open.generatedTokens))))
    }

    /// Frees the sequence.
    func close(_ request: RequestID) {
        sampling[request] = nil
        executor.close(request)
    }

    /// Runs a step, exports the KV cache that prefill made, samples on the last stage.
    func step(_ parts: [Part], input: StageInput) throws -> Outcome {
        let clock = ContinuousClock()
        let start = clock.now
        for part in parts {
            if let token = part.entry.inputToken { noteInput(part.entry.request, token, at: part.entry.start) }
        }
        let batch = StageBatch(
            entries: parts.map {
                StageEntry(
                    sequence: $0.entry.request, startPosition: $0.entry.start, rows: $0.entry.count,
                    wantsLogits: $0.entry.sample)
            }, input: input)
        let result = try executor.step(batch)
        let output: Outcome.Output
        switch result {
        case .hidden(let bytes): output = .hidden(bytes)
        case .logits(let entries):
            var sampled: [Sampled] = []
            for (row, index) in entries.enumerated() {
                sampled.append(try sample(parts[index].entry, row: row))
            }
            output = .sampled(sampled)
        }
        let exports = try parts.flatMap { try export($0) }
        let seconds = duty.rest(after: (clock.now - start) / .seconds(1))
        return Outcome(output: output, exports: exports, seconds: seconds)
    }

    /// The first generated token of a transferred sequence was sampled elsewhere; the history learns it from the step.
    private func noteInput(_ request: RequestID, _ token: Int32, at position: Int) {
        guard var state = sampling[request], state.length == position else { return }
        state.history.append(token)
        state.length += 1
        state.generated += 1
        sampling[request] = state
    }

    private func sample(_ entry: StepEntry, row: Int) throws -> Sampled {
        guard var state = sampling[entry.request] else {
            throw InferenceError(.invalidSequence, "sequence \(entry.request) is not open for sampling")
        }
        let barred = state.generated < state.stop.minTokens ? state.stop.stopTokens : []
        let choice = try executor.withLogits(row) { logits in
            choose(logits, state, barred: barred)
        }
        let reason = StopRule.finishReason(
            after: choice.token, generated: state.generated + 1, position: state.length,
            contextTokens: state.reservedTokens, conditions: state.stop)
        let index = state.generated
        state.history.append(choice.token)
        state.generated += 1
        state.length += 1
        sampling[entry.request] = state
        return Sampled(
            result: StepResult(request: entry.request, token: choice.token, finishReason: reason), index: index)
    }

    private func choose(_ logits: Span<Float>, _ state: Sampling, barred: [Int32]) -> SampledToken {
        guard !barred.isEmpty else {
            return sampler.sample(
                logits: logits, parameters: state.parameters, history: state.history, position: state.length)
        }
        masked = logits.withUnsafeBufferPointer { Array($0) }
        for token in barred where token >= 0 && Int(token) < masked.count { masked[Int(token)] = -.infinity }
        let remaining = masked
        return sampler.sample(
            logits: remaining.span, parameters: state.parameters, history: state.history, position: state.length)
    }

    private func export(_ part: Part) throws -> [KVExport] {
        try part.consumers.compactMap { consumer in
            guard let layers = executor.layers.intersection(consumer.layers) else { return nil }
            let bytes = try executor.cache.exportKV(
                part.entry.request, layers: layers,
                positions: part.entry.start..<part.entry.start + part.entry.count)
            return KVExport(
                request: part.entry.request, layers: layers, start: part.entry.start, count: part.entry.count,
                bytes: bytes, endpoint: consumer.endpoint)
        }
    }
}
