import Foundation

extension GGUFWriter {
    /// Writes the file.
    public func write(to path: String) throws {
        try Data(bytes()).write(to: URL(fileURLWithPath: path))
    }

    /// Adds the keys of a byte-level BPE vocabulary.
    public mutating func addVocabulary(
        pre: String, tokens: [String], types: [Int32], merges: [String], bos: UInt32? = nil, eos: UInt32? = nil
    ) {
        add("tokenizer.ggml.model", .string("gpt2"))
        add("tokenizer.ggml.pre", .string(pre))
        add("tokenizer.ggml.tokens", .strings(tokens))
        add("tokenizer.ggml.token_type", .int32s(types))
        add("tokenizer.ggml.merges", .strings(merges))
        if let bos { add("tokenizer.ggml.bos_token_id", .uint32(bos)) }
        if let eos { add("tokenizer.ggml.eos_token_id", .uint32(eos)) }
    }
}

extension TinyModel {
    /// The model as a file, ready to be changed.
    public func file() -> GGUFWriter {
        var file = GGUFWriter()
        file.add("general.architecture", .string("llama"))
        file.add("general.name", .string("tiny"))
        file.add("llama.block_count", .uint32(UInt32(layers)))
        file.add("llama.context_length", .uint32(UInt32(contextLength)))
        file.add("llama.embedding_length", .uint32(UInt32(hidden)))
        file.add("llama.feed_forward_length", .uint32(UInt32(feedForward)))
        file.add("llama.attention.head_count", .uint32(UInt32(heads)))
        file.add("llama.attention.head_count_kv", .uint32(UInt32(kvHeads)))
        file.add("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
        file.add("llama.rope.freq_base", .float32(10_000))
        file.add("llama.vocab_size", .uint32(UInt32(Self.vocabulary.tokens.count)))
        file.addVocabulary(
            pre: "smollm", tokens: Self.vocabulary.tokens, types: Self.vocabulary.types,
            merges: Self.vocabulary.merges, bos: UInt32(Self.vocabulary.beginOfText),
            eos: UInt32(Self.vocabulary.endOfTurn))
        file.add("tokenizer.ggml.add_bos_token", .bool(false))
        file.add("tokenizer.chat_template", .string(Self.chatTemplate))
        file.tensors = tensors().map { tensor in
            GGUFWriter.Tensor(
                tensor.name, shape: tensor.shape.map(UInt64.init), type: tensor.type, bytes: tensor.bytes)
        }
        return file
    }

    /// Writes the model.
    public func write(to path: String) throws {
        try file().write(to: path)
    }
}
