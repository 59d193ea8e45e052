/// One item of a response's output, as far as it has come.
struct ResponseItem: Sendable, Hashable {
    /// What it is.
    enum Kind: Sendable, Hashable {
        case message
        case reasoning
        /// The number, identifier and name of a call.
        case call(Int, id: String, name: String)
    }

    var kind: Kind
    /// Its place in the output.
    var index: Int
    /// The name of the answer.
    var answer: String
    /// Text or arguments.
    var text = ""
    /// `in_progress`, `completed` or `incomplete`.
    var status = "in_progress"

    /// Its identifier.
    var id: String {
        switch kind {
        case .message: "msg_\(answer)_\(index)"
        case .reasoning: "rs_\(answer)_\(index)"
        case .call: "fc_\(answer)_\(index)"
        }
    }

    /// Its one part of text; `nil` for calls.
    var part: JSONValue? {
        switch kind {
        case .message: ["type": "output_text", "text": .string(text), "annotations": [], "logprobs": []]
        case .reasoning: ["type": "reasoning_text", "text": .string(text)]
        case .call: nil
        }
    }

    /// The item; one that begins has no parts yet.
    var json: JSONValue {
        let parts = JSONValue.array(status == "in_progress" ? [] : part.map { [$0] } ?? [])
        let base: JSONValue = ["id": .string(id), "status": .string(status)]
        switch kind {
        case .message:
            return base.adding(["type": "message", "role": "assistant", "content": parts])
        case .reasoning:
            return base.adding(["type": "reasoning", "summary": [], "content": parts])
        case .call(_, let id, let name):
            return base.adding([
                "type": "function_call", "call_id": .string(id), "name": .string(name), "arguments": .string(text),
            ])
        }
    }
}
