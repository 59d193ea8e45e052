import Foundation
import TestSupport

@testable import Inference

/// Golden files of the tokenizer tests.
enum Fixture {
    static func decode<Content: Decodable>(_ type: Content.Type, _ name: String) throws -> Content {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../Fixtures/tokenizer/\(name)")
        return try JSONDecoder().decode(type, from: Data(contentsOf: file))
    }

    /// Opens a file that a writer makes.
    static func open(_ writer: GGUFWriter) throws -> GGUFFile { try open(writer.bytes()) }

    /// Opens a file of some bytes. The map outlives the file's name.
    static func open(_ bytes: [UInt8]) throws -> GGUFFile {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("gguf-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(bytes).write(to: file)
        return try GGUFFile(path: file.path)
    }

    /// A file with the vocabulary of the tiny model only.
    static func vocabulary(pre: String = "smollm", change: (inout GGUFWriter) -> Void = { _ in }) -> GGUFWriter {
        let tiny = TinyModel.vocabulary
        var writer = GGUFWriter()
        writer.addVocabulary(
            pre: pre, tokens: tiny.tokens, types: tiny.types, merges: tiny.merges, bos: UInt32(tiny.beginOfText),
            eos: UInt32(tiny.endOfTurn))
        change(&writer)
        return writer
    }
}

/// splitmix64.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
