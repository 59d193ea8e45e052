/// An algorithm that turns ordinary text, without special tokens, into tokens.
protocol TextEncoder: Sendable {
    /// Appends the tokens of a text; bytes that are not UTF-8 are replaced, not refused.
    func encode(_ text: UnsafeBufferPointer<UInt8>, into tokens: inout [Int32])
}
