import Domain
import Synchronization

/// What the gateway counts, under vLLM's names.
final class GatewayMetrics: Sendable {
    private struct State {
        var running = 0
        var waiting = 0
        var promptTokens = 0
        var generatedTokens = 0
        var searchedTokens = 0
        var cachedTokens = 0
        var drafts = 0
        var guessedTokens = 0
        var acceptedTokens = 0
        var continuations = 0
        var restarts = 0
        var mostTokens = 0
        var refusals: [String: Int] = [:]
        var moves = 0
        var preemptions = 0
        var succeeded: [FinishReason: Int] = [:]
        var rejected: [String: Int] = [:]
        var statuses: [Int: Int] = [:]
        var keys: [String: Int] = [:]
        var firstToken = Histogram(Buckets.firstToken)
        var tokenGap = Histogram(Buckets.tokenGap)
        var timePerToken = Histogram(Buckets.tokenGap)
        var latency = Histogram(Buckets.latency)
        var queue = Histogram(Buckets.latency)
        var inference = Histogram(Buckets.latency)
        var prefill = Histogram(Buckets.latency)
        var decode = Histogram(Buckets.latency)
        var prompts = Histogram(Buckets.tokens)
        var computed = Histogram(Buckets.tokens)
        var outputs = Histogram(Buckets.tokens)
        var limits = Histogram(Buckets.tokens)
        var parallel = Histogram(Buckets.parallel)
    }

    private let state = Mutex(State())

    /// A sequence was opened.
    func opened(_ times: SequenceTimes) {
        state.withLock {
            $0.promptTokens += times.promptTokens
            $0.prompts.observe(Double(times.promptTokens))
        }
    }

    /// A client's request passed the checks.
    func requested(parallel: Int, maxTokens: Int) {
        state.withLock {
            $0.parallel.observe(Double(parallel))
            $0.limits.observe(Double(maxTokens))
        }
    }

    /// A sequence was routed for the first time.
    func queued(seconds: Double) { state.withLock { $0.queue.observe(seconds) } }

    /// The first token came, counted from the client's request.
    func firstToken(seconds: Double) { state.withLock { $0.firstToken.observe(seconds) } }

    /// More tokens came, `seconds` after the ones before.
    func tokenGap(seconds: Double, tokens: Int) {
        state.withLock { $0.tokenGap.observe(seconds / Double(tokens), count: tokens) }
    }

    /// Tokens came.
    func generated(tokens: Int) { state.withLock { $0.generatedTokens += tokens } }

    /// So many tokens of a prompt were looked for in the KV cache, and so many found.
    func searchedPrefix(tokens: Int, found: Int) {
        state.withLock {
            $0.searchedTokens += tokens
            $0.cachedTokens += found
            $0.computed.observe(Double(tokens - found))
        }
    }

    /// Tokens were guessed for a step of a sequence, and so many of them were right.
    func guessed(tokens: Int, accepted: Int) {
        state.withLock {
            $0.drafts += 1
            $0.guessedTokens += tokens
            $0.acceptedTokens += accepted
        }
    }

    /// A request was refused before it ran.
    func rejected(_ reason: String) { state.withLock { $0.rejected[reason, default: 0] += 1 } }

    /// A request came with a key.
    func used(key name: String) { state.withLock { $0.keys[name, default: 0] += 1 } }

    /// A response was sent for a path.
    func responded(status: Int, path: String) {
        state.withLock {
            $0.statuses[status, default: 0] += 1
            guard status == 503 || status == 429, let endpoint = Self.endpoint(path) else { return }
            $0.refusals[endpoint, default: 0] += 1
        }
    }

    /// What the figures call a path that generates; `nil` for others.
    private static func endpoint(_ path: String) -> String? {
        switch path {
        case _ where path.hasSuffix("chat/completions"): "chat_completions"
        case _ where path.hasSuffix("completions"): "completions"
        case "/v1/messages": "messages"
        case "/v1/responses", "/responses": "responses"
        case "/api/chat": "api_chat"
        case "/api/generate": "api_generate"
        default: nil
        }
    }

    /// How many sequences there are.
    func running(_ running: Int, waiting: Int) {
        state.withLock {
            $0.running = running
            $0.waiting = waiting
        }
    }

    /// The figures of which the page's series are made, without the KV cache.
    var load: LoadFigures {
        state.withLock {
            LoadFigures(
                running: $0.running, waiting: $0.waiting, promptTokens: $0.promptTokens,
                generatedTokens: $0.generatedTokens)
        }
    }

    /// A sequence ended.
    func finished(_ times: SequenceTimes, reason: FinishReason, at now: Double) {
        state.withLock {
            $0.succeeded[reason, default: 0] += 1
            $0.continuations += times.continuations
            $0.restarts += times.restarts
            $0.mostTokens = max($0.mostTokens, times.promptTokens + times.outputTokens)
            $0.moves += times.moves
            $0.preemptions += times.preemptions
            $0.latency.observe(now - times.opened)
            $0.outputs.observe(Double(times.outputTokens))
            guard let first = times.firstToken, let last = times.lastToken else { return }
            if let accepted = times.accepted {
                $0.inference.observe(max(0, last - accepted))
                $0.prefill.observe(max(0, first - accepted))
            }
            $0.decode.observe(last - first)
            if times.outputTokens > 1 {
                $0.timePerToken.observe((last - first) / Double(times.outputTokens - 1))
            }
        }
    }

    /// Prometheus text; `cacheUsage` is the share of the KV cache that is reserved, where it is known.
    func text(model: String, cacheUsage: Double?) -> String {
        let labels = "engine=\"0\",model_name=\"\(Self.escape(model))\""
        let state = state.withLock { $0 }
        var text = ""
        func value(_ name: String, _ type: String, _ help: String, _ value: String) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n\(name){\(labels)} \(value)\n"
        }
        func family(_ name: String, _ help: String, _ label: String, _ values: [(String, Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) counter\n"
            for (key, count) in values.sorted(by: { $0.0 < $1.0 }) {
                text += "\(name){\(label)=\"\(Self.escape(key))\",\(labels)} \(count)\n"
            }
        }
        value("vllm:num_requests_running", "gauge", "Sequences that are computed.", "\(state.running)")
        value("vllm:num_requests_waiting", "gauge", "Sequences that wait for a route.", "\(state.waiting)")
        if let cacheUsage {
            value("vllm:kv_cache_usage_perc", "gauge", "Reserved share of the KV cache, 1 is all.", "\(cacheUsage)")
        }
        value(
            "vllm:num_preemptions_total", "counter", "Sequences that gave their KV cache up for older ones.",
            "\(state.preemptions)")
        value(
            "vllm:prefix_cache_queries_total", "counter", "Prompt tokens looked for in the KV cache.",
            "\(state.searchedTokens)")
        value(
            "vllm:prefix_cache_hits_total", "counter", "Prompt tokens found in the KV cache.", "\(state.cachedTokens)")
        value("vllm:spec_decode_num_drafts_total", "counter", "Steps with guessed tokens.", "\(state.drafts)")
        value("vllm:spec_decode_num_draft_tokens_total", "counter", "Guessed tokens.", "\(state.guessedTokens)")
        value(
            "vllm:spec_decode_num_accepted_tokens_total", "counter", "Guessed tokens that were right.",
            "\(state.acceptedTokens)")
        value("vllm:prompt_tokens_total", "counter", "Prompt tokens.", "\(state.promptTokens)")
        value(
            "vllm:prompt_tokens_cached_total", "counter", "Prompt tokens that were not computed again.",
            "\(state.cachedTokens)")
        value("vllm:generation_tokens_total", "counter", "Generated tokens.", "\(state.generatedTokens)")
        family(
            "vllm:request_success_total", "Ended sequences.", "finished_reason",
            [FinishReason.stop, .length, .abort, .error].map { ($0.rawValue, state.succeeded[$0] ?? 0) })
        family(
            "vllm:admission_rejections_total", "Requests refused before they ran.", "reason",
            state.rejected.map { ($0.key, $0.value) })
        family(
            "e2llm:http_responses_total", "Responses by status.", "status",
            state.statuses.map { ("\($0.key)", $0.value) })
        family(
            "e2llm:key_requests_total", "Requests by the name of their API key.", "key",
            state.keys.map { ($0.key, $0.value) })
        family(
            "model_migration_total", "Sequences continued on another route.", "migration_type",
            [
                ("new_request", state.restarts),
                ("ongoing_request", state.continuations - state.restarts + state.moves),
            ])
        family(
            "model_rejection_total", "Requests refused for want of room, by endpoint.", "endpoint",
            state.refusals.map { ($0.key, $0.value) })
        value(
            "e2llm:kv_migrations_total", "counter", "Sequences continued on another route with their KV cache.",
            "\(state.moves)")
        let histograms: [(String, String, Histogram)] = [
            ("vllm:time_to_first_token_seconds", "From the request to its first token.", state.firstToken),
            ("vllm:inter_token_latency_seconds", "Between two tokens of a sequence.", state.tokenGap),
            ("vllm:request_time_per_output_token_seconds", "Mean time per token of a sequence.", state.timePerToken),
            ("vllm:e2e_request_latency_seconds", "From the request to its end.", state.latency),
            ("vllm:request_queue_time_seconds", "Waiting for a route.", state.queue),
            ("vllm:request_inference_time_seconds", "From the route to the last token.", state.inference),
            ("vllm:request_prefill_time_seconds", "From the route to the first token.", state.prefill),
            ("vllm:request_decode_time_seconds", "From the first to the last token.", state.decode),
            ("vllm:request_prefill_kv_computed_tokens", "Prompt tokens that were computed.", state.computed),
            ("vllm:request_prompt_tokens", "Prompt tokens of a sequence.", state.prompts),
            ("vllm:request_generation_tokens", "Output tokens of a sequence.", state.outputs),
            ("vllm:request_params_max_tokens", "Most tokens asked for.", state.limits),
            ("vllm:request_params_n", "Choices asked for.", state.parallel),
        ]
        for (name, help, histogram) in histograms { histogram.write(name, help, labels: labels, to: &text) }
        return text + Self.llamaServer(state)
    }

    /// The same under the names of llama-server, as far as a gateway knows it.
    private static func llamaServer(_ state: State) -> String {
        func rate(_ tokens: Int, _ seconds: Double) -> Double { seconds > 0 ? Double(tokens) / seconds : 0 }
        let prefilled = state.promptTokens - state.cachedTokens
        let rows: [(String, String, String, String)] = [
            ("prompt_tokens_total", "counter", "Prompt tokens that were computed.", "\(prefilled)"),
            ("prompt_tokens_cached_total", "counter", "Prompt tokens found in the KV cache.", "\(state.cachedTokens)"),
            ("prompt_seconds_total", "counter", "Seconds up to first tokens.", "\(state.prefill.sum)"),
            ("tokens_predicted_total", "counter", "Generated tokens.", "\(state.generatedTokens)"),
            ("tokens_predicted_seconds_total", "counter", "Seconds behind first tokens.", "\(state.decode.sum)"),
            ("n_tokens_max", "counter", "Tokens of the longest sequence.", "\(state.mostTokens)"),
            (
                "prompt_tokens_seconds", "gauge", "Prompt tokens a second of a sequence.",
                "\(rate(prefilled, state.prefill.sum))"
            ),
            (
                "predicted_tokens_seconds", "gauge", "Generated tokens a second of a sequence.",
                "\(rate(state.generatedTokens, state.decode.sum))"
            ),
            ("requests_processing", "gauge", "Sequences that are computed.", "\(state.running)"),
            ("requests_deferred", "gauge", "Sequences that wait for a route.", "\(state.waiting)"),
            ("spec_decode_num_draft_tokens_total", "counter", "Guessed tokens.", "\(state.guessedTokens)"),
            (
                "spec_decode_num_accepted_tokens_total", "counter", "Guessed tokens that were right.",
                "\(state.acceptedTokens)"
            ),
        ]
        return rows.map { name, type, help, value in
            "# HELP llamacpp:\(name) \(help)\n# TYPE llamacpp:\(name) \(type)\nllamacpp:\(name) \(value)\n"
        }.joined()
    }

    private static func escape(_ label: String) -> String {
        label.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }
}
