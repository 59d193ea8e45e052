import Inference

/// Reads the messages of a chat.
struct ChatReader {
    private let reader: RequestReader

    init(_ reader: RequestReader) { self.reader = reader }

    /// The tokens of the templated chat, in which the model is told of tools.
    func tokens(_ fields: RequestFields, _ tools: ToolUse?) throws(APIError) -> [Int32] {
        let messages = try messages(fields)
        let options = try ChatOptions(fields, template: reader.model.vocabulary.chatTemplate)
        if options.ending == .continuation, messages.last?.role != "assistant" {
            throw APIError.invalid(
                "continue_final_message goes on with a message of the assistant, but the last one is not",
                "continue_final_message")
        }
        do {
            return try encode(messages, tools, options)
        } catch is NoChatTemplate {
            throw APIError.invalid("the model has no chat template: use /v1/completions", "messages")
        } catch let error as UnusableChatTemplate {
            throw APIError.unusableTemplate(error.reason)
        } catch let error as InferenceError where error.code == .unsupported {
            throw APIError.unusableTemplate(error.message)
        } catch {
            throw APIError.invalid("the chat template does not accept these messages: \(error)", "messages")
        }
    }

    private func encode(_ messages: [ChatMessage], _ tools: ToolUse?, _ options: ChatOptions) throws -> [Int32] {
        let vocabulary = reader.model.vocabulary
        let prompt = ToolPrompt(messages, tools, template: vocabulary.chatTemplate)
        // Tools are told by what stands in the request, whatever else is.
        let extra = options.variables.merging(prompt.extra) { $1 }
        guard prompt.messages.contains(where: \.hasNoContent) else {
            return try vocabulary.encode(prompt.messages, extra: extra, ending: options.ending)
        }
        do {
            return try vocabulary.encode(prompt.messages, extra: extra, ending: options.ending)
        } catch is InferenceError {
            // Some templates know no messages without content, others none with an empty one.
            var messages = prompt.messages
            for index in messages.indices { messages[index].hasNoContent = false }
            return try vocabulary.encode(messages, extra: extra, ending: options.ending)
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
            bytes += message.content.utf8.count + (element["tool_calls"]?.serialized().count ?? 0)
            result.append(message)
        }
        guard bytes <= reader.limits.promptBytes else {
            throw APIError.invalid(
                "the messages have \(bytes) bytes, at most \(reader.limits.promptBytes)", "messages")
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
        if fields.value("function_call") != nil { throw APIError.unsupported(fields.name("function_call")) }
        let content = try content(fields, mayBeAbsent: role == "assistant")
        var message = ChatMessage(role: role, content: content, fields: try MessageFields.read(fields))
        message.hasNoContent =
            fields.value("content") == nil && fields.value("refusal") == nil
            && message.fields.contains { $0.key == "tool_calls" }
        return message
    }

    /// The text of a message. Assistants that called tools or refused to answer have none, and clients send back what
    /// they said.
    private func content(_ fields: RequestFields, mayBeAbsent: Bool) throws(APIError) -> String {
        let name = fields.name("content")
        switch fields.value("content") {
        case nil where mayBeAbsent: return try fields.string("refusal") ?? ""
        case .string(let text): return text
        case .array(let parts):
            var texts: [String] = []
            for (index, part) in parts.enumerated() {
                let inner = try RequestFields(part, prefix: "\(name)[\(index)].")
                let type = try inner.string("type")
                guard let key = type, key == "text" || key == "refusal" && mayBeAbsent else {
                    throw APIError.invalid("\(inner.name("type")): only text parts are supported", inner.name("type"))
                }
                guard let piece = try inner.string(key) else {
                    throw APIError.invalid("\(inner.name(key)) is missing", inner.name(key))
                }
                texts.append(piece)
            }
            return texts.joined(separator: "\n")
        default: throw APIError.invalid("\(name) must be a string or an array of text parts", name)
        }
    }
}
