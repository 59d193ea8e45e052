import Kernels
import Testing

@Suite("Layers")
struct LayerTests {
    static let shapes: [TestModel.Shape] = [
        .init(),
        .init(types: [E2_TYPE_Q8_0, E2_TYPE_Q4_0], pairing: E2_ROPE_HALVES, biases: true),
        .init(types: [E2_TYPE_F16, E2_TYPE_F32], headNorms: true),
        .init(hidden: 64, heads: 4, kvHeads: 4, headDim: 24, types: [E2_TYPE_Q4_1, E2_TYPE_F16], ropeDimensions: 16),
        .init(hidden: 64, heads: 8, kvHeads: 1, headDim: 8, types: types32, ropeDimensions: 8, headNorms: true),
        .init(heads: 3, kvHeads: 1, headDim: 64, ropeDimensions: 64, biases: true),
        .init(
            heads: 4, kvHeads: 1, headDim: 64, layers: 3, pairing: E2_ROPE_HALVES, ropeDimensions: 64,
            headNorms: true, postNorms: true, activation: E2_GELU, window: 20),
        .init(types: [E2_TYPE_Q8_0], kvType: E2_KV_Q8_0),
        .init(hidden: 64, heads: 4, kvHeads: 4, headDim: 64, ropeDimensions: 64, window: 33, kvType: E2_KV_Q8_0),
    ]

    /// Small ones for long contexts.
    static let longShapes: [TestModel.Shape] = [
        .init(hidden: 32, heads: 2, kvHeads: 1, headDim: 16, ffn: 32, layers: 2, ropeDimensions: 16),
        .init(hidden: 64, heads: 4, kvHeads: 2, headDim: 24, ffn: 32, layers: 1, ropeDimensions: 8),
        .init(
            hidden: 32, heads: 2, kvHeads: 1, headDim: 16, ffn: 32, layers: 2, ropeDimensions: 16, postNorms: true,
            window: 520),
        .init(hidden: 32, heads: 2, kvHeads: 1, ffn: 32, layers: 2, window: 30, kvType: E2_KV_Q8_0),
    ]

    private func run(
        _ model: TestModel, chunks: [Int], hidden: [Float], threads: Int = 1, isa: InstructionSet? = nil,
        layerByLayer: Bool = false
    ) throws -> [Float] {
        let pool = try TestPool(model: model, threads: threads, isa: isa)
        let sequence = TestSequence(model: model)
        var out: [Float] = []
        let width = model.shape.hidden
        for chunk in chunks {
            let start = out.count
            let part = Array(hidden[start..<start + chunk * width])
            out += try pool.forward([(sequence, part)], layerByLayer: layerByLayer)[0]
        }
        return out
    }

    @Test("chunks, single steps, threads and instruction sets do not change one bit", arguments: shapes)
    func oneArithmetic(shape: TestModel.Shape) throws {
        let model = TestModel(shape: shape, seed: 10)
        var random = RandomNumbers(seed: 11)
        let rows = 75
        let hidden = random.floats(rows * shape.hidden)
        let whole = bits(try run(model, chunks: [rows], hidden: hidden))
        #expect(whole.allSatisfy { Float(bitPattern: $0).isFinite })
        for threads in 1...3 {
            #expect(bits(try run(model, chunks: [rows], hidden: hidden, threads: threads)) == whole)
            let steps = [30, 1, 1, 1, 9, 24, 2, 1, 1, 5]
            #expect(bits(try run(model, chunks: steps, hidden: hidden, threads: threads)) == whole)
        }
        #expect(bits(try run(model, chunks: [40, 35], hidden: hidden, threads: 2, layerByLayer: true)) == whole)
        for isa in InstructionSet.all {
            #expect(bits(try run(model, chunks: [50, 1, 24], hidden: hidden, threads: 2, isa: isa)) == whole, "\(isa)")
        }
    }

    @Test("a long context that threads share gives the same bits", arguments: longShapes)
    func longContext(shape: TestModel.Shape) throws {
        let model = TestModel(shape: shape, seed: 12)
        var random = RandomNumbers(seed: 13)
        let rows = 1100
        let hidden = random.floats(rows * shape.hidden)
        let whole = bits(try run(model, chunks: [rows], hidden: hidden, threads: 2))
        for threads in 1...3 {
            let chunks = [511, 1, 1, 1, 500, 10, 1, 1, 70, 1, 1, 1, 1]
            #expect(bits(try run(model, chunks: chunks, hidden: hidden, threads: threads)) == whole)
        }
    }

    @Test("a sequence in a batch gives the bits that it gives alone", arguments: shapes)
    func batching(shape: TestModel.Shape) throws {
        let model = TestModel(shape: shape, seed: 14)
        var random = RandomNumbers(seed: 15)
        let lengths = [40, 3, 70, 1, 33]
        let inputs = lengths.map { random.floats(($0 + 4) * shape.hidden) }
        for threads in [1, 2] {
            let pool = try TestPool(model: model, threads: threads)
            let sequences = lengths.map { _ in TestSequence(model: model) }
            var results = try pool.forward(
                zip(sequences, zip(inputs, lengths)).map { ($0, Array($1.0[..<($1.1 * shape.hidden)])) })
            // The last step mixes a chunk of two rows with single rows.
            for rows in [1, 1, 2] {
                let parts = zip(sequences, inputs).map { sequence, input in
                    let start = sequence.positions * shape.hidden
                    let count = sequence === sequences[0] ? rows : 1
                    return (sequence, Array(input[start..<start + count * shape.hidden]))
                }
                for (index, result) in try pool.forward(parts).enumerated() { results[index] += result }
            }
            for (input, result) in zip(inputs, results) {
                let alone = try run(model, chunks: [result.count / shape.hidden], hidden: input)
                #expect(bits(alone) == bits(result))
            }
        }
    }

    @Test("a sequence with undefined numbers does not disturb the others")
    func poison() throws {
        let model = TestModel(shape: .init(), seed: 16)
        var random = RandomNumbers(seed: 17)
        let good = random.floats(20 * model.shape.hidden)
        var bad = good
        bad[3] = .nan
        bad[700] = .infinity
        let pool = try TestPool(model: model, threads: 2)
        let results = try pool.forward([(TestSequence(model: model), bad), (TestSequence(model: model), good)])
        #expect(results[0].contains { $0.isNaN })
        #expect(bits(results[1]) == bits(try run(model, chunks: [20], hidden: good)))
    }

    @Test("a batch that does not fit is refused")
    func refusals() throws {
        let model = TestModel(shape: .init(), seed: 18)
        let pool = try TestPool(model: model, threads: 1)
        let sequence = TestSequence(model: model)
        sequence.positions = TestModel.maxPositions
        #expect(throws: KernelFailure.self) {
            try pool.forward([(sequence, [Float](repeating: 0, count: model.shape.hidden))])
        }
        #expect(throws: KernelFailure.self) { try pool.forward([(TestSequence(model: model), [])]) }
        var dims = model.dims
        dims.head_dim = 12
        #expect(e2_dims_check(&dims) == E2_BAD_SHAPE)
        #expect(e2_scratch_bytes(&dims, 4, 1, 1) == 0)
        dims = model.dims
        var layer = model.layers[0]
        layer.down = layer.gate
        #expect(e2_layer_check(&dims, &layer) == E2_BAD_SHAPE)
    }
}
