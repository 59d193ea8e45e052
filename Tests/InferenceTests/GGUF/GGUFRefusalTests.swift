import TestSupport
import Testing

@testable import Inference

/// The cases of llama.cpp's test-gguf, and what became known as attacks on other readers.
struct GGUFRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// Part of the message.
        let message: String
        let change: @Sendable (inout GGUFWriter) -> Void

        init(_ name: String, _ message: String, _ change: @escaping @Sendable (inout GGUFWriter) -> Void) {
            self.name = name
            self.message = message
            self.change = change
        }

        var testDescription: String { name }
    }

    private static func shape(_ name: String, _ shape: [UInt64], _ message: String, type: UInt32 = 0) -> Case {
        Case(name, message) {
            $0.tensors[1].shape = shape
            $0.tensors[1].type = type
        }
    }

    static let cases: [Case] = [
        Case("bad magic", "not a GGUF file") { $0.magic = Array("GGML".utf8) },
        Case("version 0", "version 0") { $0.version = 0 },
        Case("version 1", "version 1 is not supported") { $0.version = 1 },
        Case("future version", "version 4 is not supported") { $0.version = 4 },
        Case("big endian", "big-endian") { $0.version = 0x0300_0000 },
        Case("far version", "does not exist") { $0.version = 0x0301_0001 },
        Case("too many tensors", "number of tensors") { $0.tensorCount = 1 << 40 },
        Case("negative tensors", "number of tensors") { $0.tensorCount = .max },
        Case("too many keys", "number of keys") { $0.keyCount = 1 << 40 },
        Case("negative keys", "number of keys") { $0.keyCount = .max },
        Case("one key too many", "is empty") { $0.keyCount = 3 },
        Case("one key too few", "tensor") { $0.keyCount = 1 },
        Case("one tensor too many", "tensor") { $0.tensorCount = 4 },
        Case("empty key", "key 2 is empty") { $0.add("", .uint8(0)) },
        Case("long key", "at most 65535") { $0.add(String(repeating: "k", count: 70_000), .uint8(0)) },
        Case("duplicate key", "general.name is in the header twice") { $0.add("general.name", .uint8(0)) },
        Case("bad type", "strange has the unknown type 13") { $0.add("strange", .raw(type: 13, [0, 0])) },
        Case("bad element type", "strange has the unknown type 99") { $0.add("strange", .array(type: 99, [])) },
        Case("nested array", "strange is an array of arrays") { $0.add("strange", .array(type: 9, [])) },
        Case("long array", "strange") {
            $0.add("strange", .raw(type: 9, [8, 0, 0, 0] + Array(repeating: 255, count: 8)))
        },
        Case("overflowing array", "strange") {
            $0.add("strange", .raw(type: 9, [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20]))
        },
        Case("long string", "strange") { $0.add("strange", .raw(type: 8, Array(repeating: 255, count: 7) + [127])) },
        Case("mistyped alignment", "general.alignment: expected uint32") { $0.add("general.alignment", .uint64(32)) },
        Case("alignment 0", "general.alignment: 0") { $0.add("general.alignment", .uint32(0)) },
        Case("alignment 3", "general.alignment: 3") { $0.add("general.alignment", .uint32(3)) },
        Case("alignment 2^31", "beyond the end") { $0.add("general.alignment", .uint32(1 << 31)) },
        Case("inconsistent alignment", "tensor b lies at offset") { $0.add("general.alignment", .uint32(256)) },
        Case("split", "split.count") { $0.add("split.count", .uint16(2)) },
        Case("mistyped split", "split.count") { $0.add("split.count", .string("2")) },
        Case("long name", "at most 63") { $0.tensors[1].name = String(repeating: "n", count: 64) },
        Case("empty name", "name of tensor 1 is empty") { $0.tensors[1].name = "" },
        Case("duplicate name", "tensor a is in the table twice") { $0.tensors[1].name = "a" },
        shape("no dimensions", [], "0 dimensions"),
        shape("five dimensions", [1, 1, 1, 1, 1], "5 dimensions"),
        shape("zero dimension", [4, 0], "dimension of 0"),
        shape("negative dimension", [4, 1 << 63], "dimension of 9223372036854775808"),
        shape("too many values", [1 << 40, 1 << 40], "too large"),
        shape("too many bytes", [1 << 62], "too large"),
        shape("padding wraps", [(1 << 61) - 1], "beyond the end"),
        shape("part of a block", [33], "whole Q4_0 blocks", type: 2),
        shape("removed type", [32], "unknown type 4", type: 4),
        shape("unknown type", [32], "unknown type 1000", type: 1000),
        Case("bad offset", "tensor b lies at offset") { $0.tensors[1].offset = .max },
        Case("unaligned offset", "tensor b lies at offset") { $0.tensors[1].offset = 1 },
        Case("overlapping tensors", "tensor b lies at offset 0") { $0.tensors[1].offset = 0 },
        Case("not enough data", "beyond the end") { $0.tensors[2].shape = [1000] },
    ]

    static func writer() -> GGUFWriter {
        var writer = GGUFWriter()
        writer.add("general.architecture", .string("llama"))
        writer.add("general.name", .string("a model"))
        writer.tensors = ["a", "b", "c"].map { .init($0, shape: [4], bytes: Array(repeating: 1, count: 16)) }
        return writer
    }

    @Test(arguments: cases) func wrongFilesAreRefused(item: Case) throws {
        var writer = Self.writer()
        _ = try Fixture.open(writer)
        item.change(&writer)
        let error = #expect(throws: InferenceError.self) { try Fixture.open(writer) }
        #expect(error?.message.contains(item.message) == true, "\(String(describing: error))")
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = Self.writer().bytes()
        // The padding behind the last tensor may be missing.
        for count in 0..<bytes.count - 16 {
            #expect(throws: InferenceError.self, "\(count)") { try Fixture.open(Array(bytes[..<count])) }
        }
        #expect(throws: Never.self) { try Fixture.open(Array(bytes[..<(bytes.count - 16)])) }
    }

    /// Damaged files throw or open; all of an opened file can be read.
    @Test func damagedFilesDoNotCrash() throws {
        var random = SeededRandom(state: 7)
        var small = Self.writer()
        small.add("strings", .strings(["x", "yy"]))
        small.add("numbers", .int32s([1, 2]))
        var tiny = Fixture.vocabulary()
        tiny.add("tokenizer.chat_template", .string(TinyModel.chatTemplate))
        var opened = 0
        for (writer, rounds) in [(small, 3000), (tiny, 1500)] {
            let original = writer.bytes()
            for _ in 0..<rounds {
                var bytes = original
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[index] =
                        [UInt8.random(in: 0...255, using: &random), 0, 1, 127, 128, 255].randomElement(using: &random)
                        ?? 0
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                }
                guard let file = try? Fixture.open(bytes) else { continue }
                opened += 1
                for tensor in file.tensors { #expect(file.bytes(of: tensor).count == tensor.byteCount) }
                for key in file.metadata.keys { _ = file.metadata[key]?.array?.strings }
                if let tokenizer = try? Tokenizer(gguf: file) {
                    _ = tokenizer.encode("hello <|im_end|> 12", addSpecial: true, parseSpecial: true)
                }
            }
        }
        #expect(opened > 100)
    }
}
