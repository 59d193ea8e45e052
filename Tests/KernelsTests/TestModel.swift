import Kernels

/// A small random transformer with its KV blocks, run through the kernels.
final class TestModel {
    struct Shape: Sendable, CustomStringConvertible {
        var hidden = 96
        var heads = 6
        var kvHeads = 2
        var headDim = 32
        var ffn = 160
        var layers = 2
        var types: [e2_type] = [E2_TYPE_Q4_1]
        var pairing = E2_ROPE_ADJACENT
        var ropeDimensions = 32
        var biases = false
        var headNorms = false
        var postNorms = false
        var activation = E2_SILU
        /// Positions that a query of every second layer sees; those layers have a RoPE base of their own.
        var window: Int?
        var kvType = E2_KV_F16

        var description: String {
            "hidden \(hidden), heads \(heads)/\(kvHeads) of \(headDim), types \(types.map(\.rawValue)), biases \(biases), "
                + "window \(window ?? 0), KV type \(kvType.rawValue)"
        }
    }

    static let maxPositions = 1400
    static let base = 10_000.0
    static let localBase = 500.0
    let shape: Shape
    let blockBytes: Int
    private var matrices: [TestMatrix] = []
    private let vectors: UnsafeMutableBufferPointer<Float>
    private var used = 0
    private let frequencies: UnsafeMutableBufferPointer<Double>
    private let localFrequencies: UnsafeMutableBufferPointer<Double>
    private(set) var layers: [e2_layer] = []

    init(shape: Shape, seed: UInt64) {
        self.shape = shape
        var random = RandomNumbers(seed: seed)
        vectors = .allocate(capacity: shape.layers * 6 * (shape.hidden + shape.heads * shape.headDim))
        frequencies = .allocate(capacity: max(shape.ropeDimensions / 2, 1))
        e2_rope_frequencies(Int32(shape.ropeDimensions), Self.base, 1, nil, frequencies.baseAddress)
        localFrequencies = .allocate(capacity: max(shape.ropeDimensions / 2, 1))
        e2_rope_frequencies(Int32(shape.ropeDimensions), Self.localBase, 1, nil, localFrequencies.baseAddress)
        let area = e2_kv_area_bytes(shape.kvType, Int32(shape.kvHeads), Int32(shape.headDim))
        blockBytes = area * 2 * shape.layers
        let query = shape.heads * shape.headDim
        let kv = shape.kvHeads * shape.headDim
        for index in 0..<shape.layers {
            var layer = e2_layer()
            layer.query = matrix(query, shape.hidden, &random)
            layer.key = matrix(kv, shape.hidden, &random)
            layer.value = matrix(kv, shape.hidden, &random)
            layer.output = matrix(shape.hidden, query, &random)
            layer.gate = matrix(shape.ffn, shape.hidden, &random)
            layer.up = matrix(shape.ffn, shape.hidden, &random)
            layer.down = matrix(shape.hidden, shape.ffn, &random)
            layer.attention_norm = vector(shape.hidden, around: 1, &random)
            layer.ffn_norm = vector(shape.hidden, around: 1, &random)
            if shape.biases {
                layer.query_bias = vector(query, around: 0, &random)
                layer.key_bias = vector(kv, around: 0, &random)
                layer.value_bias = vector(kv, around: 0, &random)
            }
            if shape.headNorms {
                layer.query_norm = vector(shape.headDim, around: 1, &random)
                layer.key_norm = vector(shape.headDim, around: 1, &random)
            }
            if shape.postNorms {
                layer.attention_post_norm = vector(shape.hidden, around: 1, &random)
                layer.ffn_post_norm = vector(shape.hidden, around: 1, &random)
            }
            if let window = shape.window, index % 2 == 0 {
                layer.window = Int32(window)
                layer.local_rope = true
            }
            layer.key_offset = 2 * index * area
            layer.value_offset = (2 * index + 1) * area
            layers.append(layer)
        }
    }

    deinit {
        vectors.deallocate()
        frequencies.deallocate()
        localFrequencies.deallocate()
    }

    private func matrix(_ rows: Int, _ cols: Int, _ random: inout RandomNumbers) -> e2_matrix {
        let type = shape.types[matrices.count % shape.types.count]
        matrices.append(TestMatrix(type: type, rows: rows, cols: cols, using: &random, scale: 0.3))
        return matrices[matrices.count - 1].matrix
    }

    private func vector(_ count: Int, around center: Float, _ random: inout RandomNumbers) -> UnsafePointer<Float>? {
        let start = used
        used += count
        for index in start..<used { vectors[index] = center + Float.random(in: -0.2...0.2, using: &random) }
        return UnsafePointer(vectors.baseAddress?.advanced(by: start))
    }

    /// The values of one matrix of one layer, in the order query, key, value, output, gate, up, down.
    func values(layer: Int, matrix: Int) -> [Float] { matrices[layer * 7 + matrix].values() }

    var dims: e2_dims {
        var dims = e2_dims()
        dims.hidden = Int32(shape.hidden)
        dims.heads = Int32(shape.heads)
        dims.kv_heads = Int32(shape.kvHeads)
        dims.head_dim = Int32(shape.headDim)
        dims.ffn = Int32(shape.ffn)
        dims.max_positions = Int32(Self.maxPositions)
        dims.norm_epsilon = 1e-5
        dims.rope_pairing = shape.pairing
        dims.rope_dimensions = Int32(shape.ropeDimensions)
        dims.rope_frequencies = UnsafePointer(frequencies.baseAddress)
        dims.local_rope_frequencies = shape.window == nil ? nil : UnsafePointer(localFrequencies.baseAddress)
        dims.activation = shape.activation
        dims.kv_type = shape.kvType
        return dims
    }
}

/// The KV cache of one sequence of a test model. Memory starts as NaN: what is not written must not matter.
final class TestSequence {
    private let memory: AlignedMemory
    private let table: UnsafeMutableBufferPointer<UnsafeMutablePointer<UInt8>?>
    var positions = 0

    init(model: TestModel) {
        let blocks = TestModel.maxPositions / 32 + 1
        memory = AlignedMemory(byteCount: blocks * model.blockBytes)
        table = .allocate(capacity: blocks)
        // Blocks in reverse order: nothing may rely on their being neighbours.
        for index in 0..<blocks { table[index] = memory.base?.advanced(by: (blocks - 1 - index) * model.blockBytes) }
    }

    deinit { table.deallocate() }

    func segment(firstRow: Int, rows: Int) -> e2_segment {
        e2_segment(
            first_row: Int32(firstRow), row_count: Int32(rows), start_position: Int32(positions),
            blocks: UnsafePointer(table.baseAddress))
    }
}

/// A pool with the scratch memory for a test model.
final class TestPool {
    private let pool: OpaquePointer
    private let model: TestModel
    private let scratch: AlignedMemory

    init(model: TestModel, threads: Int, isa: InstructionSet? = nil) throws {
        guard let pool = e2_pool_create(Int32(threads)) else { throw MissingInstructionSet(name: "threads") }
        self.pool = pool
        self.model = model
        if let isa { e2_pool_use_isa(pool, try isa.pointer) }
        var dims = model.dims
        let bytes = e2_scratch_bytes(&dims, Int32(TestModel.maxPositions), Int32(threads), Int32(model.shape.layers))
        scratch = AlignedMemory(byteCount: bytes)
    }

    deinit { e2_pool_destroy(pool) }

    /// Runs the rows of some sequences as one batch; `layerByLayer` makes one call per layer.
    func forward(
        _ parts: [(sequence: TestSequence, hidden: [Float])], layerByLayer: Bool = false
    ) throws(KernelFailure) -> [[Float]] {
        var rows = 0
        var segments: [e2_segment] = []
        var hidden: [Float] = []
        for part in parts {
            let count = part.hidden.count / model.shape.hidden
            segments.append(part.sequence.segment(firstRow: rows, rows: count))
            part.sequence.positions += count
            rows += count
            hidden += part.hidden
        }
        var dims = model.dims
        let memory = e2_scratch(memory: scratch.bytes.baseAddress, bytes: scratch.bytes.count)
        let status = hidden.withUnsafeMutableBufferPointer { hidden in
            segments.withUnsafeBufferPointer { segments in
                var batch = e2_batch(
                    rows: Int32(rows), segment_count: Int32(segments.count), segments: segments.baseAddress,
                    hidden: hidden.baseAddress)
                guard layerByLayer else {
                    return e2_layers_forward(pool, &dims, model.layers, Int32(model.layers.count), &batch, memory)
                }
                for var layer in model.layers {
                    let status = e2_block_forward(pool, &dims, &layer, &batch, memory)
                    if status != E2_OK { return status }
                }
                return E2_OK
            }
        }
        if status != E2_OK { throw KernelFailure(status: status) }
        return segments.map {
            let first = Int($0.first_row) * model.shape.hidden
            return Array(hidden[first..<first + Int($0.row_count) * model.shape.hidden])
        }
    }
}

struct KernelFailure: Error {
    let status: e2_status
}
