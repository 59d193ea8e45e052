import Domain
import Foundation
import Inference
import TestSupport
import Testing

@Suite struct ModelFileTests {
    /// Opens a tiny model after `change`.
    private func open(_ options: TinyModel = TinyModel(), _ change: (inout GGUFWriter) -> Void = { _ in }) throws
        -> ModelFile
    {
        var file = options.file()
        change(&file)
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("model-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        try file.write(to: url.path)
        return try ModelFile(path: url.path)
    }

    /// Expects an error of a kind whose message names `subject`.
    private func expectFailure(
        _ code: InferenceError.Code, naming subject: String, _ change: (inout GGUFWriter) -> Void
    ) {
        let error = #expect(throws: InferenceError.self, "\(subject)") { try open(TinyModel(), change) }
        #expect(error?.code == code, "\(subject): \(error?.message ?? "")")
        #expect(error?.message.contains(subject) == true, "\(subject): \(error?.message ?? "")")
    }

    @Test func describesTheModel() throws {
        let model = try open(TinyModel(format: .q8_0, layers: 3, tiedHead: false))
        let sizes = model.configuration
        #expect(sizes.architecture == .llama)
        #expect((sizes.layers, sizes.hidden, sizes.feedForward) == (3, 64, 96))
        #expect((sizes.heads, sizes.kvHeads, sizes.headDim, sizes.contextLength) == (4, 2, 16, 512))
        #expect(sizes.rope == RopeParameters(pairing: .adjacent, dimensions: 16, base: 10_000, positionScale: 1))
        #expect(sizes.normEpsilon == 1e-5)
        #expect(!sizes.tiedHead)
        let description = model.description
        #expect(description.layers == 3 && description.vocabulary == TinyModel.vocabulary.tokens.count)
        #expect(description.paramsPerLayer == 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96)
        #expect(description.kvBytesPerTokenPerLayer == 2 * 2 * 16 * 2)
        #expect(description.activationBytesPerToken == 256)
        #expect(description.bytesTotal == model.gguf.fileBytes)
        #expect(description.digest.rawValue == model.gguf.digest)
        #expect(try open(TinyModel(tiedHead: true)).configuration.tiedHead)
    }

    @Test func unknownArchitecturesAndTypesAreNamed() {
        expectFailure(.unsupported, naming: "mamba") { $0.set("general.architecture", .string("mamba")) }
        expectFailure(.invalidFile, naming: "general.architecture") { $0.remove("general.architecture") }
        expectFailure(.unsupported, naming: "blk.2.ffn_up.weight") { file in
            // 64 x 96 values as I8: a type that GGUF knows and the kernels do not.
            file.replace("blk.2.ffn_up.weight", type: 24, bytes: [UInt8](repeating: 0, count: 64 * 96))
        }
        expectFailure(.unsupported, naming: "llama.rope.scaling.type") {
            $0.set("llama.rope.scaling.type", .string("yarn"))
        }
        expectFailure(.unsupported, naming: "blk.1.attn_sinks.weight") {
            $0.tensors.append(
                GGUFWriter.Tensor("blk.1.attn_sinks.weight", shape: [4], bytes: [UInt8](repeating: 0, count: 16)))
        }
    }

    @Test(
        arguments: [
            ("llama.attention.head_count", 0), ("llama.attention.head_count", 3),
            ("llama.attention.head_count", 1 << 30),
            ("llama.attention.head_count_kv", 0), ("llama.attention.head_count_kv", 3),
            ("llama.attention.head_count_kv", 8), ("llama.block_count", 0), ("llama.block_count", 1_000_000),
            ("llama.embedding_length", 0), ("llama.embedding_length", 4_000_000_000),
            ("llama.feed_forward_length", 0), ("llama.context_length", 0), ("llama.rope.dimension_count", 18),
            ("llama.rope.dimension_count", 7), ("llama.vocab_size", 0), ("llama.vocab_size", 299_999),
            ("llama.attention.key_length", 0), ("llama.attention.value_length", 24),
            ("llama.attention.key_length", 5000),
        ] as [(String, UInt32)])
    func liesAreNamed(key: String, value: UInt32) {
        expectFailure(.invalidFile, naming: key) { $0.set(key, .uint32(value)) }
    }

    /// What files say about RoPE on longer contexts, and what positions are then multiplied by.
    @Test(
        arguments: [
            ([:], nil, 1), (["factor": 4], nil, 0.25), (["factor": 4], "linear", 0.25), (["factor": 4], "none", 1),
            (["factor": 0], nil, 1), (["factor": 0], "linear", 1), (["old": 4], nil, 0.25),
            (["old": 4], "linear", 0.25),
            (["old": 4], "none", 1), (["old": 0], nil, 1), (["factor": 2, "old": 4], "linear", 0.5),
            (["factor": 0, "old": 4], nil, 1),
        ] as [([String: Float], String?, Double)])
    func ropeScaling(factors: [String: Float], type: String?, scale: Double) throws {
        let keys = ["factor": "llama.rope.scaling.factor", "old": "llama.rope.scale_linear"]
        let model = try open(TinyModel(layers: 1)) { file in
            for (name, factor) in factors { file.set(keys[name] ?? name, .float32(factor)) }
            if let type { file.set("llama.rope.scaling.type", .string(type)) }
        }
        #expect(model.configuration.rope.positionScale == scale)
    }

    /// Keys that the engine does not read are fine while they change nothing.
    @Test(
        arguments: [
            ("expert_count", .uint32(0), .uint32(8)), ("rope.scaling.attn_factor", .float32(1), .float32(1.2)),
            ("rope.scaling.yarn_ext_factor", .float32(-1), .float32(1)), ("logit_scale", .float32(1), .float32(16)),
            ("residual_scale", .float32(1), .float32(0.22)), ("embedding_scale", .float32(0), .float32(12)),
            ("attention.scale", .float32(0.25), .float32(0.5)), ("attention.clamp_kqv", .float32(0), .float32(8)),
            ("attention.sliding_window", .uint32(512), .uint32(64)), ("attention.causal", .bool(true), .bool(false)),
            ("attn_logit_softcapping", .float32(0), .float32(50)), ("use_parallel_residual", .bool(false), .bool(true)),
        ] as [(String, GGUFWriterValue, GGUFWriterValue)])
    func unreadKeysThatWouldChangeTheResultAreRefused(
        name: String, harmless: GGUFWriterValue, harmful: GGUFWriterValue
    ) throws {
        #expect(throws: Never.self) { try open(TinyModel()) { $0.set("llama." + name, harmless) } }
        expectFailure(.unsupported, naming: "llama.\(name) is ") { $0.set("llama." + name, harmful) }
    }

    @Test func unsupportedFormsOfModelsAreCalledSo() {
        expectFailure(.unsupported, naming: "llama.expert_count is 8: a mixture of experts is not supported") {
            $0.set("llama.expert_count", .uint32(8))
        }
        for key in ["attention.head_count_kv", "attention.head_count", "feed_forward_length"] {
            expectFailure(.unsupported, naming: "llama.\(key) is a list with a value per layer, which is not supported")
            {
                $0.set("llama." + key, .int32s([2, 2, 2, 2]))
            }
        }
        for name in ["rope_factors_long.weight", "output.bias", "token_embd_norm.weight"] {
            expectFailure(.unsupported, naming: name) {
                $0.tensors.append(GGUFWriter.Tensor(name, shape: [8], bytes: [UInt8](repeating: 0, count: 32)))
            }
        }
    }

    @Test func wrongNumbersAreNamed() {
        for value: Float in [0, -1, .nan, .infinity, 2] {
            expectFailure(.invalidFile, naming: "llama.attention.layer_norm_rms_epsilon") {
                $0.set("llama.attention.layer_norm_rms_epsilon", .float32(value))
            }
        }
        for value: Float in [0, -5, .nan, .infinity] {
            expectFailure(.invalidFile, naming: "llama.rope.freq_base") {
                $0.set("llama.rope.freq_base", .float32(value))
            }
        }
        for value: Float in [-1, 0.5, .nan, .infinity] {
            for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
                expectFailure(.invalidFile, naming: key) { $0.set(key, .float32(value)) }
            }
        }
        expectFailure(.invalidFile, naming: "llama.block_count") { $0.set("llama.block_count", .string("4")) }
        expectFailure(.invalidFile, naming: "llama.block_count") { $0.set("llama.block_count", .int32(-4)) }
        expectFailure(.invalidFile, naming: "llama.embedding_length") { $0.remove("llama.embedding_length") }
        expectFailure(.invalidFile, naming: "tokenizer.ggml.tokens") {
            $0.set("tokenizer.ggml.tokens", .strings(["a", "b"]))
        }
    }

    @Test(arguments: [
        "token_embd.weight", "output_norm.weight", "blk.0.attn_norm.weight", "blk.3.attn_q.weight",
        "blk.1.attn_k.weight", "blk.1.attn_v.weight", "blk.2.attn_output.weight", "blk.2.ffn_norm.weight",
        "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.3.ffn_down.weight",
    ])
    func tensorsMustExistInTheRightShape(name: String) {
        expectFailure(.invalidFile, naming: name) { file in file.tensors.removeAll { $0.name == name } }
        expectFailure(.invalidFile, naming: name) { file in
            file.replace(name, shape: [32, 7], type: 0, bytes: [UInt8](repeating: 0, count: 32 * 7 * 4))
        }
    }

    /// A stage whose layer count is far from the truth, in both directions.
    @Test func layersOutsideTheCountAreNamed() {
        expectFailure(.invalidFile, naming: "blk.3.") { $0.set("llama.block_count", .uint32(3)) }
        expectFailure(.invalidFile, naming: "blk.4.attn_norm.weight") { $0.set("llama.block_count", .uint32(5)) }
    }

    @Test func ropeFactorsMustBePositive() throws {
        let model = try open(TinyModel(ropeFactors: true)) {
            $0.replace("rope_freqs.weight", type: 0, bytes: [UInt8](repeating: 0, count: 32))
        }
        let error = #expect(throws: InferenceError.self) {
            try StageExecutor(
                model: model, layers: LayerRange(0, 1), threads: 1, kvBudgetBytes: 1 << 20, maxRows: 8)
        }
        #expect(error?.message.contains("rope_freqs.weight") == true)
    }

    /// Random changes of the header: an error or a model, never a crash.
    @Test func damagedHeadersNeverCrash() throws {
        var whole = TinyModel(layers: 1).file()
        whole.metadata.removeAll { $0.key.hasPrefix("tokenizer.") }
        let bytes = whole.bytes()
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("fuzz-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        var refused = 0
        for round in 0..<300 {
            var damaged = bytes
            for change in 0..<3 {
                let bits = CounterRandom.bits(seed: UInt64(round), counter: UInt64(change))
                damaged[Int(bits % 1200)] = UInt8(truncatingIfNeeded: bits >> 32)
            }
            try Data(damaged).write(to: url)
            do {
                let model = try ModelFile(path: url.path)
                _ = try StageExecutor(
                    model: model, layers: model.description.allLayers, threads: 1, kvBudgetBytes: 1 << 22, maxRows: 4)
            } catch is InferenceError {
                refused += 1
            }
        }
        #expect(refused > 200)
    }
}

extension GGUFWriter {
    mutating func set(_ key: String, _ value: GGUFWriterValue) {
        remove(key)
        add(key, value)
    }

    mutating func remove(_ key: String) { metadata.removeAll { $0.key == key } }

    mutating func replace(_ name: String, shape: [UInt64]? = nil, type: UInt32, bytes: [UInt8]) {
        for index in tensors.indices where tensors[index].name == name {
            tensors[index].shape = shape ?? tensors[index].shape
            tensors[index].type = type
            tensors[index].bytes = bytes
        }
    }
}
