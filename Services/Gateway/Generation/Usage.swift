import Domain

/// Tokens and times of one request, summed over its sequences as they come.
struct Usage: Sendable, Hashable {
    /// Tokens of all prompts, each counted once.
    var promptTokens: Int
    /// Tokens of all outputs.
    var completionTokens = 0
    /// Those of them that were thoughts.
    var reasoningTokens = 0
    /// The course of every sequence that has ended.
    var times: [SequenceTimes] = []

    private let choices: Int

    /// Starts counting; every prompt has so many choices.
    init(promptTokens: Int, choices: Int = 1) {
        self.promptTokens = promptTokens
        self.choices = max(1, choices)
    }

    /// Tokens of the prompts whose KV cache was there already: the mean over their choices, since each prompt counts
    /// once.
    var cachedTokens: Int { times.reduce(0) { $0 + ($1.cachedTokens ?? 0) } / choices }

    /// OpenAI's `usage`.
    var json: JSONValue {
        [
            "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(completionTokens),
            "total_tokens": .integer(promptTokens + completionTokens),
            "prompt_tokens_details": ["cached_tokens": .integer(cachedTokens)],
            "completion_tokens_details": ["reasoning_tokens": .integer(reasoningTokens)],
        ]
    }

    private var queueMilliseconds: Double { times.map(\.queueMilliseconds).max() ?? 0 }
    private var firstTokenMilliseconds: Double? {
        times.compactMap { time in time.firstToken.map { ($0 - time.opened) * 1000 } }.min()
    }

    /// What vLLM's benchmark reads as the server's own times.
    var metrics: JSONValue {
        [
            "queue_time_ms": .number(queueMilliseconds),
            "time_to_first_token_ms": firstTokenMilliseconds.map { .number($0) } ?? .null,
        ]
    }

    /// llama-server's `timings` and ours, for requests of one sequence. Our moments count from when the gateway took the
    /// request; those that the stages report through the scheduler are `null` where they came after the last token or
    /// did not happen.
    var timings: JSONValue {
        guard times.count == 1, let time = times.first, let first = time.firstToken, let last = time.lastToken else {
            return .object([])
        }
        let prompt = max(0, first - (time.accepted ?? time.opened)) * 1000
        let predicted = (last - first) * 1000
        func rate(_ tokens: Int, _ milliseconds: Double) -> JSONValue {
            milliseconds > 0 ? .number(Double(tokens) / milliseconds * 1000) : .null
        }
        func each(_ tokens: Int, _ milliseconds: Double) -> JSONValue {
            tokens > 0 ? .number(milliseconds / Double(tokens)) : .null
        }
        // The first token belongs to the prompt's time, so the rate counts the others.
        let following = time.outputTokens - 1
        func moment(_ value: Double?) -> JSONValue { value.map { .number(($0 - time.opened) * 1000) } ?? .null }
        let cached = time.cachedTokens ?? 0
        let computed = time.promptTokens - cached
        return [
            "timings": [
                "cache_n": .integer(cached), "prompt_n": .integer(computed), "prompt_ms": .number(prompt),
                "prompt_per_token_ms": each(computed, prompt),
                "prompt_per_second": rate(computed, prompt), "predicted_n": .integer(time.outputTokens),
                "predicted_ms": .number(predicted), "predicted_per_token_ms": each(following, predicted),
                "predicted_per_second": rate(following, predicted),
            ],
            "e2llm": [
                "queue_ms": .number(time.queueMilliseconds), "ttft_ms": moment(first),
                "prefill_started_ms": moment(time.prefillStarted), "kv_complete_ms": moment(time.kvComplete),
                "decode_started_ms": moment(time.decodeStarted), "end_ms": moment(last),
                "plan_id": time.plan.map { .string($0.rawValue) } ?? .null,
                "prefill_replica": time.prefillReplica.map { .string($0.rawValue) } ?? .null,
                "decode_replica": time.decodeReplica.map { .string($0.rawValue) } ?? .null,
                "migrations": .integer(time.continuations + time.moves),
                "kv_migrations": .integer(time.moves), "preemptions": .integer(time.preemptions),
                "guessed_tokens": .integer(time.guessedTokens), "accepted_tokens": .integer(time.acceptedTokens),
                "acceptance": time.guessedTokens > 0
                    ? .number(Double(time.acceptedTokens) / Double(time.guessedTokens)) : .null,
            ],
        ]
    }
}
