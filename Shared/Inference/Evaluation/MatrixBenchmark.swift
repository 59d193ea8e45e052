internal import Domain
internal import Kernels

/// Measures the matrix product on its own at every shape and type that a model has.
///
/// Activations are quantised before and not timed; the same matrix is used again and again, so small ones come from a
/// cache. The LM head is measured for the rows of decode steps only.
struct MatrixBenchmark {
    let model: ModelFile
    let threads: Int
    let peakGMACs: Double
    var rowCounts = [1, 2, 4, 8, 12, 16, 24, 48, 512]
    var secondsPerPoint = 0.04

    private static let mostHeadRows = 16

    private struct Shape: Hashable {
        var outputs: Int
        var inputs: Int
        var type: Int32
    }

    func run() throws -> [MatrixFigures] {
        let pool = try ComputePool(threads: threads)
        guard let kernels = unsafe e2_isa(e2_isa_name()) else {
            throw InferenceError(.kernel, "the instruction set in use has no kernels")
        }
        var seen: Set<Shape> = []
        var figures: [MatrixFigures] = []
        for source in try matrices() {
            let shape = Shape(outputs: source.rows, inputs: source.columns, type: source.type.rawValue)
            guard seen.insert(shape).inserted else { continue }
            let arena = try WeightArena(bytes: WeightArena.padded(source.packedBytes))
            let matrix = unsafe try WeightLoader(tensors: model.tensors, arena: arena, pool: pool).pack(source)
            for rows in rowCounts where source.rows < model.configuration.vocabulary || rows <= Self.mostHeadRows {
                let run = unsafe try MatrixRun(matrix: matrix, rows: rows, kernels: kernels, pool: pool)
                let seconds = run.bestSeconds(budget: secondsPerPoint)
                let gmacs = Double(source.rows * source.columns * rows) / seconds / 1e9
                figures.append(
                    MatrixFigures(
                        tensor: source.name, type: model.gguf.tensor(source.name)?.type.name ?? "",
                        outputs: source.rows, inputs: source.columns, rows: rows, gmacs: gmacs,
                        shareOfPeak: gmacs / peakGMACs, weightGBPerSecond: Double(source.packedBytes) / seconds / 1e9))
            }
        }
        return figures
    }

    private func matrices() throws -> [SourceMatrix] {
        let sizes = model.configuration
        let shapes = [
            ("attn_q", sizes.queryWidth, sizes.hidden), ("attn_k", sizes.kvWidth, sizes.hidden),
            ("attn_v", sizes.kvWidth, sizes.hidden), ("attn_output", sizes.hidden, sizes.queryWidth),
            ("ffn_gate", sizes.feedForward, sizes.hidden), ("ffn_up", sizes.feedForward, sizes.hidden),
            ("ffn_down", sizes.hidden, sizes.feedForward),
        ]
        var all: [SourceMatrix] = []
        for layer in 0..<sizes.layers {
            for (name, rows, columns) in shapes {
                all.append(try model.tensors.matrix("blk.\(layer).\(name).weight", rows: rows, columns: columns))
            }
        }
        let head = sizes.tiedHead ? "token_embd.weight" : "output.weight"
        all.append(try model.tensors.matrix(head, rows: sizes.vocabulary, columns: sizes.hidden))
        return all
    }
}
