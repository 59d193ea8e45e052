import Foundation
import TestSupport
import Testing

@testable import Inference

struct GGUFFileTests {
    @Test(arguments: [2, 3] as [UInt32]) func everyTypeIsRead(version: UInt32) throws {
        var writer = GGUFWriter()
        writer.version = version
        writer.add("u8", .uint8(200))
        writer.add("i8", .int8(-100))
        writer.add("u16", .uint16(60_000))
        writer.add("i16", .int16(-30_000))
        writer.add("u32", .uint32(4_000_000_000))
        writer.add("i32", .int32(-2_000_000_000))
        writer.add("u64", .uint64(.max))
        writer.add("i64", .int64(.min))
        writer.add("f32", .float32(0.5))
        writer.add("f64", .float64(-0.25))
        writer.add("yes", .bool(true))
        writer.add("text", .string("h\u{e9}"))
        writer.add("broken", .bytes([0x61, 0xFF]))
        writer.add("strings", .strings(["", "a", "\u{4f60}"]))
        writer.add("ints", .int32s([-1, 0, 1]))
        writer.add("floats", .float32s([1, 0.5]))
        let metadata = try Fixture.open(writer).metadata
        #expect(metadata["u8"]?.integer == 200 && metadata["i8"]?.integer == -100)
        #expect(metadata["u16"]?.integer == 60_000 && metadata["i16"]?.integer == -30_000)
        #expect(metadata["u32"]?.integer == 4_000_000_000 && metadata["i32"]?.integer == -2_000_000_000)
        #expect(metadata["u64"]?.integer == nil && metadata["u64"]?.number == 0x1p64)
        #expect(metadata["i64"]?.integer == .min)
        #expect(try metadata.float("f32") == 0.5 && metadata.float("f64") == -0.25)
        #expect(try metadata.bool("yes") && metadata.string("text") == "h\u{e9}")
        #expect(try metadata.string("broken") == "a\u{FFFD}")
        #expect(try metadata.array("strings", of: .string).strings == ["", "a", "\u{4f60}"])
        #expect(try metadata.integers("ints") == [-1, 0, 1] && metadata.numbers("floats") == [1, 0.5])
        #expect(metadata["ints"]?.arrayCount == 3 && metadata.keys.first == "u8")
    }

    @Test func typedAccessNamesKeyAndTypes() throws {
        var writer = GGUFWriter()
        writer.add("a.b", .string("x"))
        writer.add("negative", .int32(-1))
        writer.add("list", .int32s([1]))
        let metadata = try Fixture.open(writer).metadata
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return "\(error)" }
            return ""
        }
        #expect(message { _ = try metadata.uint("a.b") } == "a.b: expected unsigned integer, found string")
        #expect(message { _ = try metadata.uint("negative") } == "negative: -1 is negative")
        #expect(message { _ = try metadata.string("missing") } == "missing is missing")
        #expect(message { _ = try metadata.bool("list") } == "list: expected bool, found array of int32")
        #expect(message { _ = try metadata.array("list", of: .string) }.contains("expected array of string"))
        #expect(try metadata.optionalUInt("missing") == nil)
    }

    @Test func tensorsAreFound() throws {
        var writer = GGUFWriter()
        writer.tensors = [
            .init("a", shape: [3], bytes: Array(1...12)),
            .init("b", shape: [32, 2], type: 2, bytes: Array(repeating: 7, count: 36)),
            .init("c", shape: [1, 1, 1, 2], type: 24, bytes: [8, 9]),
        ]
        let file = try Fixture.open(writer)
        #expect(file.tensorNames == ["a", "b", "c"] && file.tensor("d") == nil)
        let tensor = try #require(file.tensor("b"))
        #expect(tensor.shape == [32, 2] && tensor.type.name == "Q4_0" && tensor.byteCount == 36)
        #expect(Array(file.bytes(of: tensor)) == Array(repeating: 7, count: 36))
        file.releasePages(of: tensor)
        #expect(Array(file.bytes(of: try #require(file.tensor("c")))) == [8, 9])
        #expect(Array(file.bytes(of: try #require(file.tensor("a")))) == Array(1...12))
    }

    @Test func theDigestCoversTheHeader() throws {
        let writer = Fixture.vocabulary()
        let digest = try Fixture.open(writer).digest
        #expect(digest.count == 64)
        #expect(try Fixture.open(writer).digest == digest)
        #expect(try Fixture.open(Fixture.vocabulary { $0.add("x", .uint8(1)) }).digest != digest)
        #expect(try Fixture.open(writer.bytes() + [0]).digest != digest)
    }

    @Test func aFileWithOnlyAVocabularyOpens() throws {
        #expect(try Fixture.open(Fixture.vocabulary()).tensors.isEmpty)
    }

    @Test func whatIsNoFileIsRefused() {
        for path in ["/nonexistent/model.gguf", FileManager.default.temporaryDirectory.path, "/dev/null"] {
            #expect(throws: InferenceError.self) { try GGUFFile(path: path) }
        }
    }

    @Test func aLargeVocabularyOpensFast() throws {
        var writer = GGUFWriter()
        writer.add("tokens", .strings((0..<200_000).map { "token number \($0)" }))
        let bytes = writer.bytes()
        let time = try ContinuousClock().measure { _ = try Fixture.open(bytes) }
        // 10 ms in a release build.
        #expect(time < .seconds(10), "\(time)")
    }
}
