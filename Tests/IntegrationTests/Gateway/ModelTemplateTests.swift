import Foundation
import TestSupport
import Testing

@testable import CommandLineTool
@testable import Gateway

/// Model files that cannot be served, or not for chats.
struct ModelTemplateTests {
    /// A tiny model with another value for some keys; removed afterwards.
    private func withModel(
        _ changes: [String: GGUFWriterValue], _ body: (String) throws -> Void
    ) throws {
        var file = TinyModel(layers: 1).file()
        for (key, value) in changes {
            file.metadata.removeAll { $0.key == key }
            file.add(key, value)
        }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("model-\(UUID().uuidString).gguf").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try file.write(to: path)
        try body(path)
    }

    private let unknownTag: [String: GGUFWriterValue] = [
        "tokenizer.chat_template": .string("{% with x = 1 %}{{ messages[0].content }}{% endwith %}")
    ]

    @Test func aFleetIsNotStartedForAModelThatNobodyCanRead() throws {
        try withModel(["tokenizer.ggml.pre": .string("tekken")]) { path in
            let error = #expect(throws: Failure.self) { try ModelCheck.run(path) }
            #expect(error?.kind == .failed)
            #expect(
                error?.description == "\(path): tokenizer.ggml.pre: the pre-tokenizer \"tekken\" is not supported")
            #expect { try ServedModel(GatewayConfiguration(modelPath: path)) } throws: {
                "\($0)" == "\(path): tokenizer.ggml.pre: the pre-tokenizer \"tekken\" is not supported"
            }
        }
        try withModel([:]) { path in
            let problem = try ModelCheck.run(path)
            #expect(problem == nil)
        }
    }

    @Test func aTemplateThatIsNotUnderstoodForbidsChatsOnly() throws {
        try withModel(unknownTag) { path in
            let problem = "tokenizer.chat_template: the tag \"with\" is not supported"
            let said = try ModelCheck.run(path)
            #expect(said?.hasPrefix("\(path): \(problem)") == true)
            let configuration = GatewayConfiguration(modelPath: path)
            let model = try ServedModel(configuration)
            #expect(model.vocabulary.chatProblem == problem)
            let reader = RequestReader(model: model, limits: RequestLimits())
            let chat = try JSONParser.parse(Array(#"{"messages":[{"role":"user","content":"hi"}]}"#.utf8))
            let error = #expect(throws: APIError.self) { try reader.read(chat, kind: .chat) }
            // Neither the client's fault nor one that passes.
            #expect(error?.status == 400 && error?.parameter == "messages" && error?.mayPass == false)
            #expect(error?.message.contains(problem) == true)
            let completion = try JSONParser.parse(Array(#"{"prompt":"hi"}"#.utf8))
            #expect(try reader.read(completion, kind: .completion).prompts.count == 1)
        }
    }
}
