internal import Domain

/// Says what is wrong with a batch before anything is changed.
struct BatchCheck {
    let configuration: ModelConfiguration
    let cache: KVCache
    let maxRows: Int
    let isFirst: Bool

    func check(_ batch: StageBatch) throws {
        guard !batch.entries.isEmpty else { throw InferenceError(.invalidInput, "a step without entries") }
        var rows = 0
        var seen: Set<RequestID> = []
        for entry in batch.entries {
            guard entry.rows > 0, entry.rows <= maxRows - rows else {
                throw InferenceError(
                    .invalidInput,
                    "a step has at most \(maxRows) rows: sequence \(entry.sequence) adds \(entry.rows) to \(rows)")
            }
            rows += entry.rows
            guard (0...entry.rows).contains(entry.logitRows) else {
                throw InferenceError(
                    .invalidInput, "logits of \(entry.logitRows) of \(entry.rows) rows of \(entry.sequence) are wanted")
            }
            guard seen.insert(entry.sequence).inserted else {
                throw InferenceError(.invalidInput, "sequence \(entry.sequence) is in a step twice")
            }
            try checkPositions(entry)
        }
        try checkInput(batch.input, rows: rows)
    }

    private func checkPositions(_ entry: StageEntry) throws {
        guard let length = cache.length(of: entry.sequence) else {
            throw InferenceError(.invalidSequence, "sequence \(entry.sequence) is not open")
        }
        guard entry.startPosition == length else {
            throw InferenceError(
                .invalidSequence,
                "sequence \(entry.sequence) holds \(length) positions, a step starts at \(entry.startPosition)")
        }
        let limit = min(configuration.contextLength, cache.capacityTokens)
        guard entry.rows <= limit - length else {
            throw InferenceError(
                .invalidInput,
                "sequence \(entry.sequence) would grow to \(length + entry.rows) positions, the limit is \(limit)")
        }
    }

    private func checkInput(_ input: StageInput, rows: Int) throws {
        switch input {
        case .tokens(let tokens):
            guard isFirst else {
                throw InferenceError(.invalidInput, "only the first stage takes tokens, this one takes hidden states")
            }
            guard tokens.count == rows else {
                throw InferenceError(.invalidInput, "a step of \(rows) rows came with \(tokens.count) tokens")
            }
            if let wrong = tokens.first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) {
                throw InferenceError(
                    .invalidInput, "token \(wrong) is not in a vocabulary of \(configuration.vocabulary)")
            }
        case .hidden(let bytes):
            guard !isFirst else {
                throw InferenceError(.invalidInput, "the first stage takes tokens, not hidden states")
            }
            guard bytes.count == rows * configuration.hidden * 4 else {
                throw InferenceError(
                    .invalidInput,
                    "hidden states of \(rows) rows take \(rows * configuration.hidden * 4) bytes, \(bytes.count) were given"
                )
            }
        }
    }
}
