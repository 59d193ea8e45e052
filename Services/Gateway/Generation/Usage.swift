import Domain

/// Tokens and times of one request, summed over its sequences as they come.
struct Usage: Sendable, Hashable {
    /// Tokens of all prompts, each counted once.
    var promptTokens: Int
    /// Tokens of all outputs.
    var completionTokens = 0
    /// The course of every sequence that has ended.
    var times: [SequenceTimes] = []

    /// Starts counting.
    init(promptTokens: Int) { self.promptTokens = promptTokens }

    /// OpenAI's `usage`.
    var json: JSONValue {
        [
            "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(completionTokens),
            "total_tokens": .integer(promptTokens + completionTokens),
            "prompt_tokens_details": ["cached_tokens": 0],
            "completion_tokens_details": ["reasoning_tokens": 0],
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
        return [
            "timings": [
                "cache_n": 0, "prompt_n": .integer(time.promptTokens), "prompt_ms": .number(prompt),
                "prompt_per_token_ms": each(time.promptTokens, prompt),
                "prompt_per_second": rate(time.promptTokens, prompt), "predicted_n": .integer(time.outputTokens),
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
            ],
        ]
    }
}
