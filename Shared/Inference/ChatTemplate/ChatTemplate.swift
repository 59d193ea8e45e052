internal import Glibc

/// A chat template in the part of the Jinja language that models use, with the settings of Hugging Face (`trim_blocks` and
/// `lstrip_blocks`). Parsed once; rendering is limited in steps, depth and size, for templates come with files from
/// anywhere.
public final class ChatTemplate: Sendable {
    private let statements: [Statement]

    /// Parses a template.
    ///
    /// - Throws: `InferenceError`: `template` where it is malformed, `unsupported` where it uses a tag that is not
    ///   supported.
    public init(source: String) throws {
        statements = try StatementParser.parse(source)
    }

    /// The prompt for a chat.
    ///
    /// - Parameters:
    ///   - messages: the chat so far.
    ///   - addGenerationPrompt: end with the beginning of the assistant's answer.
    ///   - bosToken: text of the BOS token, for templates that write it.
    ///   - eosToken: text of the EOS token, for templates that write it.
    ///   - extra: more variables, such as `tools`.
    ///   - unixTime: the time for `strftime_now` in seconds since 1970; now by default.
    /// - Throws: `InferenceError`: `template` where the template refuses the chat, fails or exceeds a limit,
    ///   `unsupported` where it uses a filter, test or method that is not supported.
    public func render(
        messages: [ChatMessage], addGenerationPrompt: Bool, bosToken: String = "", eosToken: String = "",
        extra: [String: TemplateValue] = [:], unixTime: Int? = nil
    ) throws -> String {
        try text(messages, addGenerationPrompt, bosToken, eosToken, extra, unixTime).string
    }

    /// Like `render`, in segments that tell the template's own text from that of messages and other variables, for
    /// `Tokenizer.encode(segments:addSpecial:)`. A role that is one of `ChatMessage.knownRoles` counts as the
    /// template's own: templates write special tokens with it, as in `'<|' + message.role + '|>'`.
    public func renderSegments(
        messages: [ChatMessage], addGenerationPrompt: Bool, bosToken: String = "", eosToken: String = "",
        extra: [String: TemplateValue] = [:], unixTime: Int? = nil
    ) throws -> [TemplateSegment] {
        try text(messages, addGenerationPrompt, bosToken, eosToken, extra, unixTime).segments
    }

    private func text(
        _ messages: [ChatMessage], _ addGenerationPrompt: Bool, _ bosToken: String, _ eosToken: String,
        _ extra: [String: TemplateValue], _ unixTime: Int?
    ) throws -> Text {
        var variables = try extra.mapValues { try $0.value() }
        variables["messages"] = .list(
            try List(
                try messages.map { message -> Value in
                    var members: [(String, Value)] = [
                        ("role", .text(Text(message.role, isTemplate: message.hasKnownRole))),
                        (
                            "content",
                            message.hasNoContent ? .none : .text(Text(message.content, isTemplate: false))
                        ),
                    ]
                    for field in message.fields { members.append((field.key, try field.value.value())) }
                    return .map(try Map(members))
                }))
        variables["add_generation_prompt"] = .bool(addGenerationPrompt)
        variables["bos_token"] = .template(bosToken)
        variables["eos_token"] = .template(eosToken)
        var interpreter = Interpreter(variables: variables, unixTime: unixTime ?? time(nil))
        return try interpreter.render(statements)
    }
}
