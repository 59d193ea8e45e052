/// The marks between which a model writes calls.
struct ToolMarks: Sendable, Hashable {
    /// How a call itself is written.
    enum Notation: Sendable, Hashable {
        /// An object with name and arguments, or a list of them.
        case json
        /// A name, a mark, the arguments; or as `json`.
        case namedJSON
        /// Gemma's own.
        case gemma
        /// `<function=NAME>` with `<parameter=KEY>`.
        case parameters
        /// A name with `<arg_key>` and `<arg_value>`.
        case keysAndValues
    }

    /// Stands before calls; empty where they begin the answer without a mark.
    var open = ""
    /// Stands behind them.
    var close = ""
    /// May stand before calls without a mark, and means nothing.
    var tag = ""
    /// How a call is written.
    var notation = Notation.json
    /// Between name and arguments.
    var arguments = "[ARGS]"
    /// Around texts.
    var quote = ""
}

/// How a model writes calls of functions: what it was trained with, as far as its chat template shows it.
enum ToolSyntax: String, Sendable, Hashable, CaseIterable {
    /// `<tool_call>{"name": ..., "arguments": ...}</tool_call>`: Hermes, Qwen, SmolLM3.
    case hermes
    /// The same with a list of calls; for models whose template does not know of tools, such as SmolLM2, which are told in words.
    case described
    /// `{"name": ..., "parameters": ...}` as the whole answer: Llama 3.
    case llama
    /// `[TOOL_CALLS][{"name": ..., "arguments": ...}]`: Mistral.
    case mistral
    /// `[TOOL_CALLS]name[ARGS]{...}`: newer models of Mistral.
    case mistralNamed
    /// `<start_function_call>call:name{...}<end_function_call>`: FunctionGemma.
    case functionGemma
    /// `<|tool_call>call:name{...}<tool_call|>`: Gemma 4.
    case gemma
    /// `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`: Qwen3-Coder.
    case qwenCoder
    /// `<tool_call>name<arg_key>key</arg_key><arg_value>value</arg_value></tool_call>`: GLM-4.5 and newer.
    case glm
    /// Messages to `functions.name` in a channel: OpenAI's open models.
    case harmony

    /// The syntax of a template; `nil` where it knows of tools, but in a form that is not understood.
    init?(template: String) {
        func has(_ text: String) -> Bool { template.contains(text) }
        if has("<|channel|>"), has("functions.") {
            self = .harmony
        } else if has("[TOOL_CALLS]") {
            self = has("[ARGS]") ? .mistralNamed : .mistral
        } else if has("<start_function_call>") {
            self = .functionGemma
        } else if has("<|tool_call>") {
            self = .gemma
        } else if has("<tool_call>") {
            self = has("<function=") ? .qwenCoder : has("<arg_key>") ? .glm : .hermes
        } else if has("<|start_header_id|>"), has("\"parameters\"") || has("<|python_tag|>") {
            self = .llama
        } else if !has("tools") {
            self = .described
        } else {
            return nil
        }
    }

    /// The marks; `nil` for harmony, which has messages instead.
    var marks: ToolMarks? {
        switch self {
        case .hermes, .described: ToolMarks(open: "<tool_call>", close: "</tool_call>")
        case .llama: ToolMarks(tag: "<|python_tag|>")
        case .mistral, .mistralNamed: ToolMarks(open: "[TOOL_CALLS]", notation: .namedJSON)
        case .functionGemma:
            ToolMarks(
                open: "<start_function_call>", close: "<end_function_call>", notation: .gemma, quote: "<escape>")
        case .gemma: ToolMarks(open: "<|tool_call>", close: "<tool_call|>", notation: .gemma, quote: "<|\"|>")
        case .qwenCoder: ToolMarks(open: "<tool_call>", close: "</tool_call>", notation: .parameters)
        case .glm: ToolMarks(open: "<tool_call>", close: "</tool_call>", notation: .keysAndValues)
        case .harmony: nil
        }
    }

    /// Control tokens whose names the parser has to see.
    var controlTexts: Set<String> {
        guard let marks else { return Set(HarmonyParser.marks) }
        var texts: Set = [marks.open, marks.close, marks.tag, marks.quote, marks.arguments, "[CALL_ID]"]
        if self == .glm { texts.formUnion(["<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"]) }
        return texts.subtracting([""])
    }

    /// A parser for an answer.
    func makeParser(names: Set<String>, texts: [String: Set<String>] = [:]) -> any ToolCallParser {
        if let marks { MarkedCallParser(marks: marks, names: names, texts: texts) } else { HarmonyParser() }
    }

    /// The identifier of a call; templates of Mistral want nine letters or digits.
    func callID(_ answer: String, choice: Int, call: Int) -> String {
        let text = "\(answer)\(choice)x\(call)"
        switch self {
        case .mistral, .mistralNamed: return String(Self.hashed(text).suffix(9))
        default: return "call_" + text
        }
    }

    private static func hashed(_ text: String) -> String {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(value, radix: 36)
        return String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }
}
