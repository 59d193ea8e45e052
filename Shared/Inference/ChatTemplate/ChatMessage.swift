/// A message of a chat.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks: `system`, `user`, `assistant` or what else the template knows.
    public var role: String
    /// What is said.
    public var content: String
    /// Whether the template is given `none` for the content: the message consists of calls only.
    public var hasNoContent = false
    /// What else the template may want to know of it, such as `tool_calls`. Counts as content.
    public var fields: [TemplateValue.Member]

    /// The roles that clients choose from. Nobody can forge anything with a word of this list, other than with a role
    /// that is any text.
    public static let knownRoles: Set<String> = [
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "model", "observation",
    ]

    /// Whether the role is one of `knownRoles`.
    public var hasKnownRole: Bool { Self.knownRoles.contains(role) }

    /// Makes a message.
    public init(role: String, content: String, fields: [TemplateValue.Member] = []) {
        self.role = role
        self.content = content
        self.fields = fields
    }
}
