/// A message of a chat.
public struct ChatMessage: Sendable, Hashable {
    /// Who speaks: `system`, `user`, `assistant` or what else the template knows.
    public var role: String
    /// What is said.
    public var content: String

    /// Makes a message.
    public init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}
