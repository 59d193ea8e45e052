import Domain
import Foundation
import Inference
import TestSupport

/// A tiny model on disk that a test can run in any arrangement of stages.
struct TinyStages {
    let model: ModelFile

    init(_ options: TinyModel = TinyModel(), kvType: KVType = .f16) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("tiny-\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        try options.write(to: file.path)
        model = try ModelFile(path: file.path, kvType: kvType)
    }

    func executor(
        _ start: Int = 0, _ end: Int? = nil, threads: Int = 1, tokens: Int = 512, maxRows: Int = 96,
        store: WeightStore = WeightStore()
    ) throws -> StageExecutor {
        let sizes = model.configuration
        let layers = LayerRange(start, end ?? sizes.layers)
        return try StageExecutor(
            model: model, layers: layers, threads: threads,
            kvBudgetBytes: KVCache.bytes(
                tokens: tokens, layers: layers, shape: sizes.kvShape), maxRows: maxRows, store: store)
    }

    /// A seeded prompt.
    func prompt(_ count: Int, seed: UInt64 = 1) -> [Int32] {
        (0..<count).map {
            Int32(CounterRandom.bits(seed: seed, counter: UInt64($0)) % UInt64(model.configuration.vocabulary))
        }
    }
}

/// Executors in a row, run as one model.
struct Pipeline {
    let stages: [StageExecutor]

    func open(_ sequence: RequestID) throws { for stage in stages { try stage.open(sequence) } }

    /// Runs one step through all stages and returns the logits of every entry that wants them.
    func step(_ entries: [StageEntry], tokens: [Int32]) throws -> [[Float]] {
        var input = StageInput.tokens(tokens)
        for stage in stages {
            switch try stage.step(StageBatch(entries: entries, input: input)) {
            case .hidden(let bytes): input = .hidden(bytes)
            case .logits(let wanted):
                return try wanted.indices.map { index in
                    try stage.withLogits(index) { logits in (0..<logits.count).map { logits[$0] } }
                }
            }
        }
        return []
    }

    /// Feeds the rows of one sequence in chunks and returns the logits after the last one.
    func feed(_ tokens: [Int32], to sequence: RequestID, from start: Int = 0, chunks: [Int]? = nil) throws -> [Float] {
        var position = 0
        var result: [Float] = []
        for count in chunks ?? [tokens.count] {
            let entry = StageEntry(
                sequence: sequence, startPosition: start + position, rows: count, wantsLogits: true)
            result = try step([entry], tokens: Array(tokens[position..<position + count])).first ?? []
            position += count
        }
        return result
    }
}

/// Bit patterns, so that a comparison is exact.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// Root of the mean square of the differences over that of the expected values.
func relativeError(_ values: [Float], _ expected: [Float]) -> Float {
    let error = zip(values, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (error / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
}
