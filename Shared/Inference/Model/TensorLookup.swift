internal import Kernels

/// Finds tensors of a model file by name and checks that they have the type and shape that the model needs.
struct TensorLookup {
    let gguf: GGUFFile

    func contains(_ name: String) -> Bool { gguf.tensor(name) != nil }

    /// A matrix of `rows` outputs and `columns` inputs, for packing.
    func matrix(_ name: String, rows: Int, columns: Int) throws -> SourceMatrix {
        let tensor = try found(name, shape: [columns, rows])
        let type = try kernelType(tensor)
        let packed = e2_packed_bytes(type, Int64(rows), Int64(columns))
        guard packed > 0 else {
            throw InferenceError(
                .unsupported,
                "tensor \(name): a matrix of \(rows) x \(columns) is not supported (a multiple of 32 inputs is)")
        }
        return unsafe SourceMatrix(
            name: name, type: type, rows: rows, columns: columns, bytes: gguf.bytes(of: tensor), packedBytes: packed)
    }

    /// A vector as f32.
    func vector(_ name: String, _ count: Int) throws -> [Float] {
        let tensor = try found(name, shape: [count])
        let type = try kernelType(tensor)
        let bytes = unsafe gguf.bytes(of: tensor)
        guard let base = bytes.baseAddress, e2_type_row_bytes(type, Int64(count)) == bytes.count else {
            throw InferenceError(.invalidFile, "tensor \(name) does not hold \(count) values")
        }
        return unsafe try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let destination = buffer.baseAddress else { return }
            unsafe try KernelFailure.check(e2_dequantize_row(type, base, Int64(count), destination), "tensor \(name)")
            initialized = count
        }
    }

    /// A vector as f32, `nil` where the file has none of that name.
    func optionalVector(_ name: String, _ count: Int) throws -> [Float]? {
        contains(name) ? try vector(name, count) : nil
    }

    /// Rows of the token embedding.
    func embeddingRows() throws -> Int {
        let name = "token_embd.weight"
        guard let tensor = gguf.tensor(name) else { throw missing(name) }
        guard tensor.shape.count == 2, ModelLimits.vocabulary.contains(tensor.shape[1]) else {
            throw InferenceError(.invalidFile, "tensor \(name) has shape \(tensor.shape), expected [width, vocabulary]")
        }
        return tensor.shape[1]
    }

    /// Refuses a vocabulary that does not have one token per row of the embedding.
    func checkVocabulary(_ fields: HeaderFields, rows: Int) throws {
        let key = "tokenizer.ggml.tokens"
        guard let count = fields.arrayCount(key) else { return }
        guard count == rows else {
            throw fields.wrong(key, "\(count) tokens differ from the \(rows) rows of token_embd.weight")
        }
    }

    /// Tensors that belong to no layer.
    private static let wholeModel: Set<String> = [
        "token_embd.weight", "output.weight", "output_norm.weight", "rope_freqs.weight",
    ]

    /// Refuses tensors that the engine does not know: ignoring them would give wrong results.
    func checkNames(_ architecture: ModelArchitecture, layers: Int) throws {
        let known = architecture.layerTensors
        for name in gguf.tensorNames {
            guard name.hasPrefix("blk.") else {
                if Self.wholeModel.contains(name) { continue }
                throw InferenceError(
                    .unsupported, "tensor \(name) is not part of the \(architecture.rawValue) architecture as supported"
                )
            }
            let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, known.contains(String(parts[2])) else {
                throw InferenceError(
                    .unsupported, "tensor \(name) is not part of the \(architecture.rawValue) architecture as supported"
                )
            }
            guard let layer = Int(parts[1]), (0..<layers).contains(layer) else {
                throw InferenceError(
                    .invalidFile,
                    "tensor \(name) lies outside the \(layers) layers of \(architecture.rawValue).block_count")
            }
        }
    }

    /// Gives the file pages of a part of a tensor back to the system.
    func releasePages(of name: String, bytes: Range<Int>) {
        guard let tensor = gguf.tensor(name) else { return }
        gguf.releasePages(of: tensor, bytes: bytes)
    }

    private func found(_ name: String, shape: [Int]) throws -> GGUFTensor {
        guard let tensor = gguf.tensor(name) else { throw missing(name) }
        guard tensor.shape == shape else {
            throw InferenceError(
                .invalidFile, "tensor \(name) has shape \(tensor.shape), the header's sizes ask for \(shape)")
        }
        return tensor
    }

    private func kernelType(_ tensor: GGUFTensor) throws -> e2_type {
        let type = e2_type(rawValue: numericCast(tensor.type.rawValue))
        guard e2_type_supported(type) else {
            throw InferenceError(.unsupported, "tensor \(tensor.name): type \(tensor.type) is not supported")
        }
        return type
    }

    private func missing(_ name: String) -> InferenceError {
        InferenceError(.invalidFile, "tensor \(name) is missing")
    }
}
