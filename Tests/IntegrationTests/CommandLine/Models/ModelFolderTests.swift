import Foundation
import TestSupport
import Testing

@testable import CommandLineTool

/// `e2llm pull`, `ls`, `show`, `rm`.
@Suite struct ModelFolderTests {
    /// A folder of models that is removed afterwards.
    private func withFolder(_ body: (ModelFolder) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await body(ModelFolder(environment: ["E2LLM_MODELS": path]))
    }

    @Test func theFolderIsWhereTheScriptHasIt() {
        #expect(ModelFolder(environment: ["E2LLM_MODELS": "/m", "HOME": "/h"]).path == "/m")
        #expect(ModelFolder(environment: ["XDG_DATA_HOME": "/d", "HOME": "/h"]).path == "/d/e2llm/models")
        #expect(ModelFolder(environment: ["XDG_DATA_HOME": "", "HOME": "/h"]).path == "/h/.local/share/e2llm/models")
    }

    /// One table in two languages.
    @Test func knownModelsAreThoseOfTheScript() throws {
        let root = URL(filePath: #filePath).pathComponents.dropLast(5).joined(separator: "/").dropFirst()
        let script = try String(contentsOfFile: "\(root)/scripts/model", encoding: .utf8)
        for model in KnownModel.all {
            for text in ["\(model.name))", "name=\(model.file) size=\(model.bytes)", "digest=\(model.sha256)"] {
                #expect(script.contains(text), "scripts/model lacks \(text)")
            }
        }
        #expect(script.split(separator: "digest=").count == KnownModel.all.count + 1)
    }

    @Test(arguments: [
        ("a.gguf", true), ("a b.gguf", false), ("../a.gguf", false), (".a.gguf", false), ("-a.gguf", false),
        ("a.bin", false), ("a\u{1b}.gguf", false),
    ])
    func names(text: String, isName: Bool) {
        #expect(ModelFolder.isName(text) == isName)
    }

    @Test func sourcesAreRead() throws {
        func source(_ text: String) throws -> ModelSource {
            try ModelSource(text) { $0 == "x/own.gguf" || $0 == "x/own" }
        }
        #expect(try source("gemma3") == .known(KnownModel.all[1]))
        let url = "https://h/r/m-Q4_0.gguf?download=true"
        #expect(try source(url) == .url(url, file: "m-Q4_0.gguf"))
        #expect(try source("x/own.gguf") == .file("x/own.gguf"))
        for text in ["https://h/", "https://a.gguf", "https://h/model.bin", "x/own", "nothing"] {
            #expect(throws: Failure.self) { try source(text) }
        }
    }

    @Test func filesAreCopiedFoundAndDescribed() async throws {
        try await withFolder { folder in
            let tiny = folder.path + "/../tiny-\(UUID().uuidString).gguf"
            try TinyModel().write(to: tiny)
            defer { try? FileManager.default.removeItem(atPath: tiny) }
            let fetched = try await ModelFetch(folder: folder).run(.file(tiny))
            #expect(fetched.hasPrefix(folder.path + "/") && folder.files().count == 1)
            let name = try #require(folder.files().first)
            #expect(try folder.find(String(name.dropLast(5))) == fetched)
            let facts = ModelFacts(path: fetched)
            #expect(facts.problem == nil && facts.architecture != nil && (facts.layers ?? 0) > 0)
            #expect(facts.types.reduce(0) { $0 + $1.bytes } <= facts.bytes)
            await #expect(throws: Failure.self) { try await ModelFetch(folder: folder).run(.file(tiny)) }
            #expect { try folder.find("other") } throws: { "\($0)".contains("there are: \(name)") }
        }
    }

    @Test func whatIsNoModelIsRefused() async throws {
        try await withFolder { folder in
            let file = folder.path + "/../\(UUID().uuidString).gguf"
            try Data("<html>".utf8).write(to: URL(fileURLWithPath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            await #expect(throws: Failure.self) { try await ModelFetch(folder: folder).run(.file(file)) }
            #expect(folder.files().isEmpty)
            #expect(ModelFacts(path: file).problem != nil)
            let known = KnownModel.all[0]
            #expect(try await ModelFetch.mismatch(file, known)?.contains("has 6 bytes, not the 98362432") == true)
            var fake = known
            fake.bytes = 6
            #expect(try await ModelFetch.mismatch(file, fake)?.contains("has the digest") == true)
            fake.sha256 = "f56b7fb4fb18aa2fd6c8bf5cdbdb2ae0ddbffa1a4c2d1eb30a63e8a4bd4c2ce6"
            #expect(try await ModelFetch.mismatch(file, fake) != nil)
        }
    }

    @Test func typesAreSummedUp() {
        let kinds = ModelFacts.kinds([("F32", 4), ("Q4_1", 20), ("F32", 8)])
        #expect(
            kinds.map(\.type) == ["Q4_1", "F32"] && kinds.map(\.tensors) == [1, 2] && kinds.map(\.bytes) == [20, 12])
    }
}
