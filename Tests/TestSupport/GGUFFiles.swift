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
        let name = architecture.rawValue
        file.add("general.architecture", .string(name))
        file.add("general.name", .string("tiny"))
        file.add(name + ".block_count", .uint32(UInt32(layers)))
        file.add(name + ".context_length", .uint32(UInt32(contextLength)))
        file.add(name + ".embedding_length", .uint32(UInt32(hidden)))
        file.add(name + ".feed_forward_length", .uint32(UInt32(feedForward)))
        file.add(name + ".attention.head_count", .uint32(UInt32(heads)))
        file.add(name + ".attention.head_count_kv", .uint32(UInt32(kvHeads)))
        file.add(name + ".attention.layer_norm_rms_epsilon", .float32(1e-5))
        // Gemma 3 has another base in layers with a window: 10,000.
        file.add(name + ".rope.freq_base", .float32(architecture == .gemma3 ? 80_000 : 10_000))
        if headDim * heads != hidden {
            file.add(name + ".attention.key_length", .uint32(UInt32(headDim)))
            file.add(name + ".attention.value_length", .uint32(UInt32(headDim)))
        }
        if architecture == .gemma3 {
            file.add(name + ".attention.sliding_window", .uint32(UInt32(Self.slidingWindow)))
        }
        file.add(name + ".vocab_size", .uint32(UInt32(Self.vocabulary.tokens.count)))
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
