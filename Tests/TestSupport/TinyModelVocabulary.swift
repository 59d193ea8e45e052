/// The vocabulary of a tiny model: byte-level BPE in the arrangement of SmolLM2.
///
/// Tokens 0...2 are `<|endoftext|>`, `<|im_start|>` and `<|im_end|>`, then the 256 bytes, then one token per merge.
public struct TinyModelVocabulary: Sendable {
    /// The text of each token, bytes written with the printable substitutes of GPT-2.
    public let tokens: [String]
    /// GGUF token types: 3 for control tokens, 1 for ordinary ones.
    public let types: [Int32]
    /// Merges in order of rank, `left right`.
    public let merges: [String]
    /// Ends a turn.
    public let endOfTurn: Int32 = 2
    /// Starts a text.
    public let beginOfText: Int32 = 1

    private static let mergeList = """
        t h|th e|i n|a n|e r|o n|r e|o u|s t|e n|l l|l o|h e|he ll|hell o|w o|wo r|l d|wor ld|an d|in g|i s|a t|o f|t o|y ou|\
        Ġ t|Ġ a|Ġ w|Ġ s|Ġ the|Ġ of|Ġ and|Ġ to|Ġ is|Ġ in|Ġ you|Ġ wor|Ġ hello|u s|us er|as s
        """

    /// The vocabulary; always the same.
    public init() {
        let control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        let known = Set(Self.substitutes)
        var words: [String] = []
        var merges: [String] = []
        for merge in Self.mergeList.split(separator: "|").map(String.init) {
            let parts = merge.split(separator: " ").map(String.init)
            guard parts.count == 2, parts.allSatisfy({ known.contains($0) || words.contains($0) }),
                !words.contains(parts.joined())
            else { continue }
            words.append(parts.joined())
            merges.append(merge)
        }
        tokens = control + Self.substitutes + words
        types = control.map { _ in 3 } + (Self.substitutes + words).map { _ in 1 }
        self.merges = merges
    }

    /// GPT-2's printable substitute of every byte, in order of the bytes.
    private static let substitutes: [String] = {
        var next: UInt32 = 256
        return (UInt32(0)...255).map { byte in
            let printable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            let scalar = printable ? byte : next
            if !printable { next += 1 }
            return Unicode.Scalar(scalar).map { String(Character($0)) } ?? "?"
        }
    }()
}
