/// A file of the logits of all scored positions, for comparison by other programs.
///
/// All numbers are little-endian:
/// ```
/// 8 bytes  "E2LOGITS"
/// u32      version, 1
/// u32      vocabulary
/// u32      context: tokens of a chunk
/// u32      chunks
/// u32      position in its chunk of the first scored row; row r is the distribution of token `first + r + 1`
/// u32      rows per chunk
/// i32      [chunks][context] tokens, as the model saw them
/// f32      [chunks][rows][vocabulary] logits
/// ```
public struct ScoredLogitsLayout: Sendable, Hashable {
    /// Tokens of the vocabulary.
    public let vocabulary: Int
    /// The measurement whose rows are kept.
    public let perplexity: Perplexity
    /// The chunks.
    public let sequences: [[Int32]]

    /// Makes the layout of a measurement.
    public init(vocabulary: Int, perplexity: Perplexity, sequences: [[Int32]]) {
        self.vocabulary = vocabulary
        self.perplexity = perplexity
        self.sequences = sequences
    }

    /// What precedes the logits.
    public var header: [UInt8] {
        var bytes = Array("E2LOGITS".utf8)
        let scored = perplexity.scoredPositions
        let numbers = [1, vocabulary, perplexity.context, sequences.count, scored.lowerBound, scored.count]
        for number in numbers { Self.append(UInt32(clamping: number), to: &bytes) }
        for token in sequences.joined() { Self.append(token, to: &bytes) }
        return bytes
    }

    /// Where the logits of a row start in the file.
    public func offset(of row: Perplexity.Row) -> Int {
        let scored = perplexity.scoredPositions
        let index = row.chunk * scored.count + row.position - scored.lowerBound
        return 32 + sequences.count * perplexity.context * 4 + index * vocabulary * 4
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
