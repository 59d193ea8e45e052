/// One thing that the HTTP interface does, for those who read about it.
struct Operation: Sendable {
    /// A method by HTTP's name.
    var method: String
    /// Its paths; `{id}` at the end stands for everything below.
    var paths: [String]
    /// Whose interface it belongs to.
    var group: String
    /// One sentence.
    var summary: String
    /// Fields of the body; `nil` where there is none.
    var fields: [Field]?
    /// What the answer is.
    var answer = "application/json"
    /// What a stream of the answer is, where there is one.
    var stream: String?
    /// Whether it is there only to say that it is not supported.
    var alwaysFails = false
    /// Whether it needs a key where there are keys.
    var needsKey = true

    /// A field of a body; others are taken as well.
    struct Field: Sendable {
        var name: String
        /// Its type by JSON Schema; `nil` for several.
        var type: String?
        var isRequired = false

        init(_ name: String, _ type: String? = nil, isRequired: Bool = false) {
            (self.name, self.type, self.isRequired) = (name, type, isRequired)
        }
    }
}

extension Operation {
    private static let sampling = [
        Field("temperature", "number"), Field("top_p", "number"), Field("top_k", "integer"),
    ]
    private static let chat = [
        Field("messages", "array", isRequired: true), Field("model", "string"), Field("tools", "array"),
        Field("tool_choice"),
    ]
    private static let openAI =
        sampling + [
            Field("max_tokens", "integer"), Field("stop"), Field("seed", "integer"), Field("n", "integer"),
            Field("logit_bias"), Field("response_format", "object"), Field("stream", "boolean"),
            Field("stream_options", "object"),
        ]
    private static let ollama = [
        Field("model", "string"), Field("stream", "boolean"), Field("format"), Field("options", "object"),
        Field("think"),
    ]
    private static let events = "text/event-stream"
    private static let lines = "application/x-ndjson"
    private static let text = "text/plain"

    /// Everything but the files of the page.
    static let all: [Operation] = [
        Operation(
            method: "POST", paths: ["/v1/chat/completions", "/chat/completions"], group: "OpenAI",
            summary: "The next message of a chat.",
            fields: chat + [Field("max_completion_tokens", "integer"), Field("logprobs", "boolean")] + openAI,
            stream: events),
        Operation(
            method: "POST", paths: ["/v1/completions", "/completions"], group: "OpenAI",
            summary: "How texts go on.",
            fields: [
                Field("prompt", isRequired: true), Field("model", "string"), Field("echo", "boolean"),
                Field("logprobs", "integer"),
            ] + openAI, stream: events),
        Operation(
            method: "POST", paths: ["/v1/responses", "/responses"], group: "OpenAI",
            summary: "A response; nothing is stored.",
            fields: [
                Field("input", isRequired: true), Field("model", "string"), Field("instructions", "string"),
                Field("tools", "array"), Field("tool_choice"), Field("text", "object"), Field("reasoning", "object"),
                Field("max_output_tokens", "integer"), Field("temperature", "number"), Field("top_p", "number"),
                Field("stream", "boolean"),
            ], stream: events),
        Operation(
            method: "POST", paths: ["/v1/responses/input_tokens"], group: "OpenAI",
            summary: "How many tokens the input of a response has.", fields: [Field("input", isRequired: true)]),
        Operation(
            method: "POST", paths: ["/v1/embeddings", "/embeddings"], group: "OpenAI",
            summary: "Refused: this server makes no embeddings.",
            fields: [Field("input", isRequired: true), Field("model", "string")], alwaysFails: true),
        Operation(
            method: "GET", paths: ["/v1/models", "/models"], group: "OpenAI",
            summary: "The names of the model and its context."),
        Operation(
            method: "GET", paths: ["/v1/models/{id}", "/models/{id}"], group: "OpenAI",
            summary: "One of the names."),
        Operation(
            method: "POST", paths: ["/v1/messages"], group: "Anthropic", summary: "The next message of a chat.",
            fields: chat + sampling + [
                Field("max_tokens", "integer"), Field("system"), Field("stop_sequences", "array"),
                Field("thinking", "object"), Field("output_config", "object"), Field("stream", "boolean"),
            ], stream: events),
        Operation(
            method: "POST", paths: ["/v1/messages/count_tokens"], group: "Anthropic",
            summary: "How many tokens a chat has.", fields: chat + [Field("system")]),
        Operation(
            method: "POST", paths: ["/api/chat"], group: "Ollama",
            summary: "The next message of a chat, as lines unless stream is false.",
            fields: [Field("messages", "array"), Field("tools", "array")] + ollama, stream: lines),
        Operation(
            method: "POST", paths: ["/api/generate"], group: "Ollama",
            summary: "The answer to a prompt, as lines unless stream is false.",
            fields: [Field("prompt", "string"), Field("system", "string"), Field("raw", "boolean")] + ollama,
            stream: lines),
        Operation(method: "GET", paths: ["/api/tags"], group: "Ollama", summary: "The models that there are."),
        Operation(
            method: "POST", paths: ["/api/show"], group: "Ollama", summary: "What is known of a model.",
            fields: [Field("model", "string", isRequired: true)]),
        Operation(
            method: "POST", paths: ["/api/embed", "/api/embeddings"], group: "Ollama",
            summary: "Refused: this server makes no embeddings.",
            fields: [Field("model", "string"), Field("input"), Field("prompt", "string")], alwaysFails: true),
        Operation(method: "GET", paths: ["/api/ps"], group: "Ollama", summary: "The models that are served now."),
        Operation(
            method: "GET", paths: ["/api/version"], group: "Ollama", summary: "The version.", needsKey: false),
        Operation(
            method: "POST", paths: ["/tokenize", "/v1/tokenize"], group: "llama-server and vLLM",
            summary: "The tokens of a text or a chat.",
            fields: [Field("content", "string"), Field("prompt", "string"), Field("messages", "array")]),
        Operation(
            method: "POST", paths: ["/detokenize", "/v1/detokenize"], group: "llama-server and vLLM",
            summary: "The text of tokens.", fields: [Field("tokens", "array", isRequired: true)]),
        Operation(
            method: "POST", paths: ["/apply-template"], group: "llama-server and vLLM",
            summary: "The prompt that a chat becomes.", fields: chat),
        Operation(
            method: "POST", paths: ["/v1/chat/completions/input_tokens"], group: "llama-server and vLLM",
            summary: "How many tokens a chat has.", fields: chat),
        Operation(
            method: "GET", paths: ["/props"], group: "llama-server and vLLM", summary: "What the server is."),
        Operation(
            method: "GET", paths: ["/slots"], group: "llama-server and vLLM",
            summary: "The places for sequences, and which are taken."),
        Operation(
            method: "GET", paths: ["/health", "/v1/health", "/ready"], group: "State",
            summary: "200 while a request would succeed.", needsKey: false),
        Operation(
            method: "GET", paths: ["/live"], group: "State", summary: "200 while the process runs.",
            needsKey: false),
        Operation(
            method: "GET", paths: ["/metrics"], group: "State", summary: "Figures for Prometheus.", answer: text,
            needsKey: false),
        Operation(method: "GET", paths: ["/version"], group: "State", summary: "The version.", needsKey: false),
        Operation(
            method: "GET", paths: ["/v1/cluster"], group: "Cluster", summary: "The fleet and the plan in force."),
        Operation(
            method: "GET", paths: ["/v1/cluster/events"], group: "Cluster",
            summary: "Everything about the cluster as it changes.", answer: events),
        Operation(
            method: "POST", paths: ["/v1/cluster/what-if"], group: "Cluster",
            summary: "The plan that would be made for another fleet or other traffic; nothing changes.",
            fields: [
                Field("without", "array"), Field("links", "array"), Field("slow", "object"),
                Field("workload", "object"),
            ]),
        Operation(
            method: "POST", paths: ["/v1/cancel/{id}"], group: "Cluster",
            summary: "Ends a request that its client still waits for."),
        Operation(
            method: "GET", paths: ["/openapi.json"], group: "Description", summary: "This description.",
            needsKey: false),
        Operation(
            method: "GET", paths: ["/docs"], group: "Description", summary: "The same for people.",
            answer: "text/html", needsKey: false),
        Operation(
            method: "GET", paths: ["/docs.css"], group: "Description", summary: "Its style.", answer: "text/css",
            needsKey: false),
    ]
}
