import ServiceRuntime
import Testing

@testable import Gateway

struct ModelNamesTests {
    @Test(arguments: [
        ("/models/a/SmolLM2-135M.Q4_1.gguf", "SmolLM2-135M.Q4_1"), ("model.GGUF", "model"), ("model.bin", "model.bin"),
        (".gguf", ".gguf"), ("a/b/", "b"), ("", ""),
    ])
    func aFileGivesAShortName(path: String, name: String) { #expect(ModelNames.short(path) == name) }

    @Test func aliasesAreReadAndToldOnce() throws {
        let aliases = try ModelNames.read(" a, b ,,a,id", setting: "gateway.aliases")
        #expect(aliases == ["a", "b", "a", "id"])
        #expect(ModelNames(id: "id", aliases: aliases).told == ["id", "a", "b"])
        #expect(try ModelNames.read("", setting: "gateway.aliases").isEmpty)
    }

    @Test(arguments: ["a b", "a,b\u{1}", "a\tb"])
    func namesThatNobodyCouldWriteAreRefused(text: String) {
        let error = #expect(throws: RuntimeError.self) { try ModelNames.read(text, setting: "gateway.aliases") }
        #expect(error?.message.hasPrefix("gateway.aliases: ") == true)
    }

    @Test func tooManyNamesAreRefused() {
        let text = (0...64).map { "n\($0)" }.joined(separator: ",")
        #expect(throws: RuntimeError.self) { try ModelNames.read(text, setting: "gateway.aliases") }
    }
}
