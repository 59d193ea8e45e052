/// Turns tokens into text as they come; bytes of an unfinished character are kept until it is whole.
protocol TokenText: Sendable {
    /// Adds a token and returns the text that is complete now.
    mutating func append(_ token: Int32) -> String
    /// What is left at the end, with a replacement character for bytes that never became a character.
    mutating func finish() -> String
}
