/// A message of a chat.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks: `system`, `user`, `assistant` or what else the template knows.
    public var role: String
    /// What is said.
    public var content: String

    /// The roles that clients choose from. Nobody can forge anything with a word of this list, other than with a role that
    /// is any text.
    public static let knownRoles: Set<String> = [
        "system", "developer", "user", "assistant", "tool", "function", "ipython", "model", "observation",
    ]

    /// Whether the role is one of `knownRoles`.
    public var hasKnownRole: Bool { Self.knownRoles.contains(role) }

    /// Makes a message.
    public init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}
