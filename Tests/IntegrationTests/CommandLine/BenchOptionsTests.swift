import ArgumentParser
import Domain
import Foundation
import Inference
import TestSupport
import Testing

@testable import CommandLineTool

@Suite struct BenchOptionsTests {
    private func engine(_ arguments: String...) throws -> EngineBenchmark {
        let command = try E2LLMCommand.parseAsRoot(["bench", "engine", "--model", "m.gguf"] + arguments)
        return try #require(command as? EngineBenchCommand).benchmark()
    }

    @Test func optionsAreTakenOver() throws {
        let benchmark = try engine(
            "--threads", "3", "--prompt", "100", "--generate", "7", "--batch", "1,4, 9", "--context", "128",
            "--repetitions", "5", "--kernel", "--step", "64")
        #expect(benchmark.threads == 3 && benchmark.promptTokens == 100 && benchmark.generatedTokens == 7)
        #expect(benchmark.batches == [1, 4, 9])
        #expect(benchmark.context == 128 && benchmark.repetitions == 5 && benchmark.matrices)
        #expect(benchmark.stepTokens == 64)
    }

    @Test func withoutOptionsAShortPromptPrecedesDecode() throws {
        let benchmark = try engine()
        #expect(benchmark.context == nil)
        #expect(benchmark.batches == [1, 8, 16] && benchmark.promptTokens == 512)
        #expect(try engine("--context", "0").context == nil)
    }

    @Test(arguments: [
        ["--threads", "0"], ["--threads", "257"], ["--prompt", "-1"], ["--generate", "-2"], ["--context", "-1"],
        ["--prompt", "0", "--generate", "0"], ["--repetitions", "0"], ["--step", "0"], ["--batch", "600"],
    ]) func numbersThatMakeNoSenseAreRefused(_ arguments: [String]) throws {
        let all =
            ["bench", "engine", "--model", "m.gguf"]
            + stride(from: 0, to: arguments.count, by: 2).map {
                arguments[$0] + "=" + arguments[$0 + 1]
            }
        let command = try #require(try E2LLMCommand.parseAsRoot(all) as? EngineBenchCommand)
        let failure = #expect(throws: Failure.self) { try command.benchmark() }
        #expect(failure?.kind == .usage)
        #expect(failure?.description.contains(arguments[0]) == true)
    }

    @Test(arguments: ["", "1,,2", "0", "-1", "a", "1;2"]) func batchListsAreChecked(_ list: String) {
        #expect(BatchList(argument: list) == nil)
        #expect(throws: (any Error).self) {
            try E2LLMCommand.parseAsRoot(["bench", "engine", "--model", "m", "--batch=\(list)"])
        }
    }

    @Test func aTextMustBeUTF8AndNotEmpty() throws {
        #expect(try PerplexityText.text(Array("a\nb\n".utf8), name: "t") == "a\nb")
        #expect(throws: Failure.self) { try PerplexityText.text([], name: "t") }
        #expect(throws: Failure.self) { try PerplexityText.text([10], name: "t") }
        let failure = #expect(throws: Failure.self) { try PerplexityText.text([0x61, 0xFF, 0x62], name: "t") }
        #expect(failure?.description == "t is not a text in UTF-8")
        #expect(throws: Failure.self) { try PerplexityText.read("/nonexistent/text") }
    }

    @Test func reportsCarryTheFileAndTheVersion() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString).gguf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try TinyModel().write(to: path)
        let figures = try EngineBenchmark(
            threads: 1, promptTokens: 8, generatedTokens: 1, batches: [2], repetitions: 1
        ).run(model: try ModelFile(path: path))
        let report = EngineReport(figures: figures, file: path, time: Date(timeIntervalSince1970: 0))
        let object = try #require(
            try JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any])
        #expect(object["file"] as? String == path)
        #expect(object["version"] as? String == ProductVersion.number)
        #expect(object["measured_at"] as? String == "1970-01-01T00:00:00Z")
        #expect(object["threads"] as? Int == 1)
        #expect(report.text.contains("decode, batch 2"))
    }

    @Test func logitsAreWrittenWhereTheHeaderSays() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("logits-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let measurement = Perplexity(threads: 1, context: 6)
        let layout = ScoredLogitsLayout(vocabulary: 2, perplexity: measurement, sequences: [[1, 0, 1, 0, 1, 0]])
        let path = folder.appendingPathComponent("logits").path
        let file = try LogitsFile(path: path, layout: layout)
        let late: [Float] = [3, 4]
        try file.write(Perplexity.Row(chunk: 0, position: 4), late.span)
        let early: [Float] = [1, 2]
        try file.write(Perplexity.Row(chunk: 0, position: 3), early.span)
        try file.close()
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(Array(data.prefix(layout.header.count)) == layout.header)
        let values = data.dropFirst(layout.header.count).withUnsafeBytes { bytes in
            (0..<4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
        #expect(values == [1, 2, 3, 4])
        #expect(throws: Failure.self) { try LogitsFile(path: folder.path + "/none/file", layout: layout) }
    }
}
