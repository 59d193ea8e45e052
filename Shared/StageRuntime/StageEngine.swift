import Domain
import Grammar
import Inference
import Messaging
import Scheduling

/// A loaded stage with what sampling needs to know about its sequences. Lives on the compute thread only.
final class StageEngine {
    /// Rows of a step as they come in.
    enum Input: Sendable {
        /// Token ids, one a row.
        case tokens([Int32])
        /// Hidden states, f32 [rows, hidden].
        case hidden(Frame)
    }

    /// What became of a step, with its tensors.
    struct Outcome: Sendable {
        var step: StepOutcome
        /// Hidden states for the next stage, f32 [rows, hidden].
        var hidden: [UInt8] = []
        /// Bytes of `step.exports`.
        var exports: [[UInt8]] = []
    }

    private struct Sampling {
        var parameters: SamplingParameters
        var stop: StopConditions
        /// Tokens at which the sequence ends.
        var contextTokens: Int
        /// Tokens of the sequence so far, prompt and output.
        var length: Int
        var generated: Int
        var history: TokenHistory
        /// What the output must follow.
        var constraint: ConstrainedOutput?
        /// The tokens of the prompt, where it is asked how likely they are.
        var prompt: [Int32] = []
    }

    let executor: StageExecutor
    private let duty: DutyCycle
    private let constraints: ConstraintCache
    private var sampling: [RequestID: Sampling] = [:]
    /// Guesses of the last step, of sequences that had some: so many positions may be taken back.
    private var guessed: [RequestID: Int] = [:]
    private var sampler = Sampler()
    private var masked: [Float] = []

    init(executor: StageExecutor, duty: DutyCycle, constraints: ConstraintCache) {
        self.constraints = constraints
        self.executor = executor
        self.duty = duty
    }

    /// Reserves KV cache for so many tokens of a sequence, which is opened where it is not.
    func reserve(_ request: RequestID, tokens: Int, prefix: SequencePrefix?) throws {
        if executor.cache.length(of: request) == nil {
            try executor.open(request, reservedTokens: tokens, prefix: prefix)
        } else {
            try executor.cache.reserve(request, tokens: tokens)
            // Its KV cache has begun to come before it was opened.
            if let prefix { try executor.cache.begin(request, with: prefix) }
        }
    }

    /// Prepares the last stage for sampling.
    ///
    /// - Throws: a fault where the constraint cannot be compiled, or was not followed so far.
    func prepareSampling(_ open: SequenceOpening) throws {
        let (request, tokens) = (open.request, open.tokens)
        guard executor.isLast, sampling[request] == nil else { return }
        let prompt = tokens.dropLast(open.generatedTokens)
        let output = tokens.suffix(open.generatedTokens)
        let scoresPrompt = open.sampling.promptScores != nil
        sampling[request] = Sampling(
            parameters: open.sampling, stop: open.stop,
            contextTokens: open.capacityTokens == nil
                ? open.reservedTokens : executor.model.configuration.contextLength + 1,
            length: tokens.count, generated: open.generatedTokens,
            history: TokenHistory(prompt: Array(prompt), output: Array(output)),
            constraint: try open.constraint.map { try constraints.output($0, after: output) },
            prompt: scoresPrompt ? Array(prompt) : [])
    }

    /// Frees the sequence.
    func close(_ request: RequestID, keeping: [KVBlockRun]) {
        sampling[request] = nil
        guessed[request] = nil
        executor.close(request, keeping: keeping)
    }

    /// Runs a step, exports the KV cache that prefill made, samples on the last stage. Parts that do not fit what is in the
    /// cache are left out and named in the outcome: one bad sequence does not end the others.
    func step(_ ordered: [StepOrder.Part], input: Input) throws -> Outcome {
        var outcome = StepOutcome(parts: [])
        var parts: [StepOrder.Part] = []
        for part in ordered {
            if let refusal = takeBack(part.part) ?? refusal(part.part) {
                outcome.failed[part.part.request] = refusal
            } else {
                parts.append(part)
            }
        }
        outcome.parts = parts.map(\.part)
        guard !parts.isEmpty else { return Outcome(step: outcome) }
        let clock = ContinuousClock()
        let start = clock.now
        for part in outcome.parts {
            if let token = part.inputToken { noteInput(part.request, token, at: part.start) }
        }
        let batch = StageBatch(
            entries: outcome.parts.map {
                StageEntry(
                    sequence: $0.request, startPosition: $0.start, rows: $0.count,
                    logitRows: $0.sample ? 1 + ($0.guesses?.count ?? 0) : 0)
            }, input: try rows(parts, of: input))
        var hidden: [UInt8] = []
        switch try executor.step(batch) {
        case .hidden(let bytes): hidden = bytes
        case .logits(let entries):
            sample(outcome.parts, entries, &outcome)
            // Last, because it takes the memory of the logits that are sampled.
            scorePrompts(outcome.parts, &outcome)
        }
        for part in outcome.parts { guessed[part.request] = part.guesses?.count }
        var exports: [[UInt8]] = []
        for part in parts { try export(part, &outcome, &exports) }
        outcome.seconds = duty.rest(after: (clock.now - start) / .seconds(1))
        return Outcome(step: outcome, hidden: hidden, exports: exports)
    }

    /// Samples row by row; behind a guess that is not what was sampled, rows mean nothing.
    private func sample(_ parts: [StepPart], _ entries: [Int], _ outcome: inout StepOutcome) {
        var row = 0
        while row < entries.count {
            let part = parts[entries[row]]
            let guesses = part.guesses ?? []
            do {
                for offset in 0...guesses.count {
                    let sampled = try sample(part, row: row + offset)
                    outcome.sampled.append(sampled)
                    guard sampled.result.finishReason == nil, offset < guesses.count,
                        guesses[offset] == sampled.result.token
                    else { break }
                }
            } catch {
                outcome.failed[part.request] = Fault(error)
            }
            row += 1 + guesses.count
        }
    }

    /// Rows of prompts whose logits are computed at a time: those of hundreds would take hundreds of megabytes.
    private static let scoredRows = 16

    /// Finds how likely the tokens of prompts are for which that is asked: the row of each token tells of the next one.
    private func scorePrompts(_ parts: [StepPart], _ outcome: inout StepOutcome) {
        var first = 0
        for part in parts {
            defer { first += part.count }
            guard part.inputToken == nil, let state = sampling[part.request], !state.prompt.isEmpty,
                let top = state.parameters.promptScores, outcome.failed[part.request] == nil
            else { continue }
            let count = min(part.count, state.prompt.count - 1 - part.start)
            guard count > 0 else { continue }
            do {
                var scores: [TokenLikelihood] = []
                for offset in stride(from: 0, to: count, by: Self.scoredRows) {
                    let rows = offset..<min(count, offset + Self.scoredRows)
                    try executor.computeLogits(rows: first + rows.lowerBound..<first + rows.upperBound)
                    for row in rows {
                        let token = state.prompt[part.start + row + 1]
                        scores.append(
                            try executor.withLogits(row - rows.lowerBound) {
                                sampler.score(token, top: top, logits: $0)
                            })
                    }
                }
                outcome.scored.append(
                    StepOutcome.ScoredPrompt(request: part.request, start: part.start + 1, scores: scores))
            } catch {
                outcome.failed[part.request] = Fault(error)
            }
        }
    }

    /// Guesses of the step before that were wrong are in the KV cache; the next step begins before them.
    private func takeBack(_ part: StepPart) -> Fault? {
        guard let last = guessed.removeValue(forKey: part.request), part.inputToken != nil,
            let length = executor.cache.length(of: part.request), part.start < length, part.start >= length - last
        else { return nil }
        do {
            try executor.cache.rewind(part.request, to: part.start)
            return nil
        } catch {
            return Fault(error)
        }
    }

    /// Why a part cannot be computed.
    private func refusal(_ part: StepPart) -> Fault? {
        guard let length = executor.cache.length(of: part.request) else {
            return Fault("not_open", "sequence \(part.request) is not open", isRetriable: true)
        }
        guard length == part.start else {
            return Fault(
                "out_of_step", "sequence \(part.request) holds \(length) positions, the step begins at \(part.start)",
                isRetriable: true)
        }
        return nil
    }

    /// The rows of some parts.
    private func rows(_ parts: [StepOrder.Part], of input: Input) throws -> StageInput {
        switch input {
        case .tokens(let tokens): return .tokens(parts.flatMap { tokens[$0.rows] })
        case .hidden(let frame):
            let width = executor.model.configuration.hidden * 4
            guard let last = parts.map(\.rows.upperBound).max(), last * width <= frame.count else {
                throw Fault("bad_tensor", "the rows of a step are missing")
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(parts.reduce(0) { $0 + $1.rows.count } * width)
            frame.withUnsafeBytes { source in
                for part in parts {
                    bytes.append(contentsOf: source[part.rows.lowerBound * width..<part.rows.upperBound * width])
                }
            }
            return .hidden(bytes)
        }
    }

    /// The first generated token of a transferred sequence was sampled elsewhere; the history learns it from the step.
    private func noteInput(_ request: RequestID, _ token: Int32, at position: Int) {
        guard var state = sampling[request], state.length == position else { return }
        state.history.append(token)
        _ = state.constraint?.accept(token)
        state.length += 1
        state.generated += 1
        sampling[request] = state
    }

    private func sample(_ entry: StepPart, row: Int) throws -> StepOutcome.Sampled {
        guard var state = sampling[entry.request] else {
            throw InferenceError(.invalidSequence, "sequence \(entry.request) is not open for sampling")
        }
        let barred = state.generated < state.stop.minTokens ? state.stop.stopTokens : []
        var score: TokenLikelihood?
        let choice = try executor.withLogits(row) { logits in
            let choice = try choose(logits, state, barred: barred)
            if let top = state.parameters.topScores { score = sampler.score(choice.token, top: top, logits: logits) }
            return choice
        }
        var reason = StopRule.finishReason(
            after: choice.token, generated: state.generated + 1, position: state.length,
            contextTokens: state.contextTokens, conditions: state.stop)
        if state.constraint?.accept(choice.token) == true { reason = .stop }
        let index = state.generated
        state.history.append(choice.token)
        state.generated += 1
        state.length += 1
        sampling[entry.request] = state
        return StepOutcome.Sampled(
            result: StepResult(request: entry.request, token: choice.token, finishReason: reason), index: index,
            score: score)
    }

    private func choose(_ logits: Span<Float>, _ state: Sampling, barred: [Int32]) throws -> SampledToken {
        guard !barred.isEmpty || state.constraint != nil else {
            return try sampler.sample(
                logits: logits, parameters: state.parameters, history: state.history, position: state.length)
        }
        masked = logits.withUnsafeBufferPointer { Array($0) }
        var barred = barred
        if let constraint = state.constraint {
            let allowed = try constraint.allowed()
            if !barred.isEmpty { barred += constraint.endTokens }
            var values = masked.mutableSpan
            allowed.apply(to: &values)
            // Where only the end can follow, the fewest tokens cannot be reached.
            if allowed.allowedCount <= barred.count, allowed.tokens.allSatisfy(barred.contains) { barred = [] }
        }
        for token in barred where token >= 0 && Int(token) < masked.count { masked[Int(token)] = -.infinity }
        let remaining = masked
        return try sampler.sample(
            logits: remaining.span, parameters: state.parameters, history: state.history, position: state.length)
    }

    /// KV cache of a sequence that leaves.
    struct Exported: Sendable {
        var pieces: [StepOutcome.Export] = []
        /// Their bytes.
        var bytes: [[UInt8]] = []
    }

    /// Reads KV cache of a sequence that leaves, a piece for every stage that needs some of it.
    func export(_ order: ExportOrder) throws -> Exported {
        var exported = Exported()
        for consumer in order.consumers {
            for (piece, bytes) in try export(order.request, order.positions, of: order.total, to: consumer) {
                exported.pieces.append(piece)
                exported.bytes.append(bytes)
            }
        }
        return exported
    }

    private func export(_ ordered: StepOrder.Part, _ outcome: inout StepOutcome, _ exports: inout [[UInt8]]) throws {
        let part = ordered.part
        let end = part.start + part.count
        let positions = min(end, max(part.start, ordered.from))..<end
        guard !positions.isEmpty else { return }
        for consumer in ordered.consumers {
            for (piece, bytes) in try export(part.request, positions, of: ordered.total, to: consumer) {
                outcome.exports.append(piece)
                exports.append(bytes)
            }
        }
    }

    /// Reads the KV cache that another stage needs of a sequence of `total` positions; nothing where it has none of
    /// our layers. Layers whose window lies behind the positions are left out.
    private func export(
        _ request: RequestID, _ positions: Range<Int>, of total: Int, to consumer: RouteStage
    ) throws -> [(piece: StepOutcome.Export, bytes: [UInt8])] {
        guard let shared = executor.layers.intersection(consumer.layers) else { return [] }
        let needed = executor.model.description.handedOver(shared, before: positions.upperBound, of: total)
        return try needed.map { layers in
            let bytes = try executor.cache.exportKV(request, layers: layers, positions: positions)
            let piece = StepOutcome.Export(
                request: request, layers: layers, start: positions.lowerBound, count: positions.count,
                endpoint: consumer.endpoint, bytes: bytes.count)
            return (piece, bytes)
        }
    }
}
