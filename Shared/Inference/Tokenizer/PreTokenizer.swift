/// Splits a text into the words that byte pairs are merged in: passes, each of which splits what the former one left.
///
/// The regular expressions that the passes stand for are those of the models' own tokenizers; scanning by hand is an
/// order of magnitude faster than running them.
struct PreTokenizer: Sendable {
    let passes: [SplitPass]
    /// Whether a word that is a token as a whole is not merged.
    let ignoresMerges: Bool
    /// Whether a BOS token is added unless the file says otherwise.
    let addsBeginOfText: Bool

    private init(_ passes: [SplitPass], ignoresMerges: Bool = false, addsBeginOfText: Bool = false) {
        self.passes = passes
        self.ignoresMerges = ignoresMerges
        self.addsBeginOfText = addsBeginOfText
    }

    /// The pre-tokenizer of a name in `tokenizer.ggml.pre`; `nil` where it is not known.
    init?(name: String) {
        switch name {
        case "default":
            self.init([.punctuationRuns, .gpt2, .numberRuns, .digitTriples])
        case "gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "gigachat", "a.x-4.0", "mellum", "trillion",
            "granite-docling":
            self.init([.gpt2])
        case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
            self.init([.singleNumbers, .gpt2])
        case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2":
            self.init([.llama(digits: 3)], ignoresMerges: true, addsBeginOfText: true)
        case "dbrx", "smaug-bpe":
            self.init([.llama(digits: 3)])
        case "qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "solar-open", "megrez", "kormo":
            self.init([.llama(digits: 1)])
        default:
            return nil
        }
    }

    /// Calls `body` with the range of code points of every word, in order; the ranges cover the text.
    func split(_ text: ScannedText, _ body: (Range<Int>) -> Void) {
        split(text, 0..<text.count, passes[...], body)
    }

    private func split(
        _ text: ScannedText, _ range: Range<Int>, _ passes: ArraySlice<SplitPass>, _ body: (Range<Int>) -> Void
    ) {
        guard !range.isEmpty else { return }
        guard let pass = passes.first else { return body(range) }
        pass.split(text, range) { split(text, $0, passes.dropFirst(), body) }
    }
}
