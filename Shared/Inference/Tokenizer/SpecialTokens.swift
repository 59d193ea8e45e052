/// The special tokens of a model and what is added to texts, from the metadata or the model's defaults.
struct SpecialTokens: Sendable {
    var begin: Int32?
    var end: Int32?
    var addsBegin: Bool
    var addsEnd: Bool
    /// Tokens that end a generation, in order.
    var endOfGeneration: [Int32]

    /// - Parameters:
    ///   - addsBegin: whether a BOS token is added unless the file says otherwise.
    ///   - usual: the BOS and EOS tokens of files that name none, where those are control tokens.
    init(
        _ metadata: GGUFMetadata, vocabulary: Vocabulary, addsBegin: Bool,
        usual: (begin: Int32, end: Int32)? = nil
    ) throws {
        let isControl = { (id: Int32) in id < vocabulary.count && vocabulary.type(id) == .control }
        begin = try Self.token(metadata, "bos_token_id", vocabulary) ?? (usual?.begin).filter(isControl)
        end = try Self.token(metadata, "eos_token_id", vocabulary) ?? (usual?.end).filter(isControl)
        self.addsBegin = try metadata.optionalBool("tokenizer.ggml.add_bos_token") ?? addsBegin
        addsEnd = try metadata.optionalBool("tokenizer.ggml.add_eos_token") ?? false
        var ends = Set([end].compactMap { $0 })
        for key in ["eot_token_id", "eom_token_id"] {
            if let token = try Self.token(metadata, key, vocabulary) { ends.insert(token) }
        }
        unsafe vocabulary.forEachText { id, text in
            guard vocabulary.type(id) == .control, text.count <= KnownTokens.maxBytes else { return }
            if unsafe KnownTokens.ends.contains(String(decoding: text, as: UTF8.self)) { ends.insert(id) }
        }
        // Where answers have channels, this one ends a channel only.
        if let call = vocabulary.controlToken("<|call|>"), vocabulary.controlToken("<|return|>") != nil,
            ends.contains(call), let end = vocabulary.controlToken("<|end|>"), end != self.end
        {
            ends.remove(end)
        }
        endOfGeneration = ends.sorted()
    }

    /// The token that a key names; `nil` where the file does not have it.
    static func token(_ metadata: GGUFMetadata, _ name: String, _ vocabulary: Vocabulary) throws -> Int32? {
        let key = "tokenizer.ggml." + name
        guard let id = try metadata.optionalUInt(key) else { return nil }
        guard id < vocabulary.count else {
            throw InferenceError(.invalidFile, "\(key): token \(id) is not one of the \(vocabulary.count) tokens")
        }
        return Int32(id)
    }
}

extension Optional {
    /// The value where it has a property.
    fileprivate func filter(_ predicate: (Wrapped) -> Bool) -> Wrapped? { flatMap { predicate($0) ? $0 : nil } }
}
