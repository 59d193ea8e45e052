/// What comes behind the last message of a chat.
public enum ChatEnding: Sendable, Hashable {
    /// The beginning of the assistant's answer.
    case answer
    /// Nothing but what ends the message.
    case none
    /// Not even that: the model goes on with the message.
    case continuation

    /// The segments up to the end of the last message's text.
    ///
    /// - Throws: `InferenceError` with code `template` where the template shows something else of it.
    func cut(_ segments: [TemplateSegment], behind content: String) throws(InferenceError) -> [TemplateSegment] {
        func trimmed(_ text: some StringProtocol) -> String {
            let text = text.drop(while: \.isWhitespace)
            let end = text.lastIndex { !$0.isWhitespace }
            return end.map { String(text[...$0]) } ?? ""
        }
        let content = trimmed(content)
        guard !content.isEmpty else {
            throw InferenceError(.template, "the last message is empty, so that it cannot be continued")
        }
        guard let index = segments.lastIndex(where: { !$0.isTemplateText && $0.text.contains(content) }),
            let range = segments[index].text.ranges(of: content).last
        else {
            throw InferenceError(
                .template, "the chat template does not show the last message as it is, so that it cannot be continued")
        }
        var segments = Array(segments[...index])
        segments[index].text = String(segments[index].text[..<range.upperBound])
        return segments
    }
}
