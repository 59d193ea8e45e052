import Domain
import Foundation
import Inference
import Testing

/// A stage holds its own layers and nothing else, also while it loads.
@Suite(.enabled(if: RealModel.path != nil, "set E2LLM_TEST_MODEL to SmolLM2-135M-Instruct Q4_1 (GGUF)"))
struct StageMemoryTests {
    /// A number of bytes of `/proc/self/status`.
    static func status(_ field: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        let number = line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        return try #require(number) * 1024
    }

    /// In a process of its own: the peak counts everything that other tests had in memory.
    @Test func peakIsBounded() async {
        await #expect(processExitsWith: .success) {
            let before = try StageMemoryTests.status("VmRSS")
            let model = try ModelFile(path: try #require(RealModel.path))
            let stage = try StageExecutor(
                model: model, layers: LayerRange(10, 30), threads: 2, kvBudgetBytes: 16 << 20, maxRows: 64)
            try stage.open("a")
            let hidden = [UInt8](repeating: 0, count: 64 * model.configuration.hidden * 4)
            let entry = StageEntry(sequence: "a", startPosition: 0, rows: 64, wantsLogits: true)
            _ = try stage.step(StageBatch(entries: [entry], input: .hidden(hidden)))
            let peak = try StageMemoryTests.status("VmHWM") - before
            let description = model.description
            #expect(stage.weightBytes == 20 * description.bytesPerLayer + description.bytesHead)
            #expect(peak <= stage.weightBytes * 115 / 100 + stage.cache.capacityBytes + (64 << 20))
        }
    }
}
