import Inference
/// Reads the messages of a chat.
struct ChatReader {
    private let reader: RequestReader

    init(_ reader: RequestReader) { self.reader = reader }

    /// The tokens of the templated chat.
    func tokens(_ fields: RequestFields) throws(APIError) -> [Int32] {
        let messages = try messages(fields)
        do {
            return try reader.model.vocabulary.encode(messages)
        } catch is NoChatTemplate {
            throw APIError.invalid("the model has no chat template: use /v1/completions", "messages")
        } catch {
            throw APIError.invalid("the chat template does not accept these messages: \(error)", "messages")
        }
    }

    private func messages(_ fields: RequestFields) throws(APIError) -> [ChatMessage] {
        guard let elements = fields.value("messages")?.elements else {
            throw APIError.invalid("messages must be an array of messages", "messages")
        }
        guard !elements.isEmpty else { throw APIError.invalid("messages is empty", "messages") }
        guard elements.count <= reader.limits.messages else {
            throw APIError.invalid(
                "messages has \(elements.count) entries, at most \(reader.limits.messages) are accepted", "messages")
        }
        var result: [ChatMessage] = []
        var bytes = 0
        for (index, element) in elements.enumerated() {
            let message = try message(RequestFields(element, prefix: "messages[\(index)]."))
            bytes += message.content.utf8.count
            result.append(message)
        }
        guard bytes <= reader.limits.promptBytes else {
            throw APIError.invalid(
                "the messages have \(bytes) bytes of text, at most \(reader.limits.promptBytes)", "messages")
        }
        return result
    }

    private func message(_ fields: RequestFields) throws(APIError) -> ChatMessage {
        guard var role = try fields.string("role") else {
            throw APIError.invalid("\(fields.name("role")) is missing", fields.name("role"))
        }
        guard ["system", "developer", "user", "assistant", "tool"].contains(role) else {
            throw APIError.invalid(
                "\(fields.name("role")) must be system, developer, user, assistant or tool", fields.name("role"))
        }
        if role == "developer" { role = "system" }
        for key in ["tool_calls", "function_call"] where fields.value(key) != nil && fields.value(key) != .array([]) {
            throw APIError.unsupported(fields.name(key))
        }
        return ChatMessage(role: role, content: try content(fields))
    }

    private func content(_ fields: RequestFields) throws(APIError) -> String {
        let name = fields.name("content")
        switch fields.value("content") {
        case .string(let text): return text
        case .array(let parts):
            var text = ""
            for (index, part) in parts.enumerated() {
                let inner = try RequestFields(part, prefix: "\(name)[\(index)].")
                guard try inner.string("type") == "text" else {
                    throw APIError.invalid("\(inner.name("type")): only text parts are supported", inner.name("type"))
                }
                guard let piece = try inner.string("text") else {
                    throw APIError.invalid("\(inner.name("text")) is missing", inner.name("text"))
                }
                text += piece
            }
            return text
        default: throw APIError.invalid("\(name) must be a string or an array of text parts", name)
        }
    }
}
