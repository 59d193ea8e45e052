/// A part of a rendered chat template.
public struct TemplateSegment: Sendable, Hashable {
    /// The text.
    public var text: String
    /// Whether the template itself wrote it. Text of messages is `false`: the names of special tokens in it are just text.
    public var isTemplateText: Bool

    /// Makes a segment.
    public init(text: String, isTemplateText: Bool) {
        self.text = text
        self.isTemplateText = isTemplateText
    }
}
