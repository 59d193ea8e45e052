/// Tokens that models know by their text; the lists are llama.cpp's.
enum KnownTokens {
    /// They end a generation.
    static let endOfGeneration: Set<String> = [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
        "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
        "<end_of_utterance>", "<eos>", "<｜end▁of▁sentence｜>",
    ]

    /// Fill-in-the-middle tokens that end a generation.
    private static let fillBoundaries: Set<String> = [
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
        "<REPO>", "<reponame>", "<|file_sep|>",
    ]

    private static let fill: Set<String> = [
        "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|fim_suffix|>",
        "<fim-suffix>", "<fim_suffix>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|fim_middle|>", "<fim-middle>",
        "<fim_middle>", "<MID>", "▁<MID>", "<|code_middle|>", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>",
    ]

    /// All that end a generation.
    static let ends = endOfGeneration.union(fillBoundaries)
    /// All that are control tokens even where the file has them as user-defined. `</s>` is not one of them: in Gemma's
    /// vocabulary it ends struck-out text.
    static let control = ends.union(fill).subtracting(["</s>"])
    static let maxBytes = control.map(\.utf8.count).max() ?? 0
    static let firstBytes = Set(control.compactMap(\.utf8.first))
}
