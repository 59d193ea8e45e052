import Foundation
import Glibc

/// The folder of model files: `E2LLM_MODELS`, else `e2llm/models` below `XDG_DATA_HOME` or `~/.local/share`.
struct ModelFolder: Sendable {
    let path: String

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        path =
            given("E2LLM_MODELS")
            ?? (given("XDG_DATA_HOME") ?? (given("HOME") ?? NSTemporaryDirectory()) + "/.local/share") + "/e2llm/models"
    }

    /// Whether a text is the plain name of a model file.
    static func isName(_ text: String) -> Bool {
        text.hasSuffix(".gguf") && text.utf8.count <= 255 && !text.hasPrefix(".") && !text.hasPrefix("-")
            && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }

    /// The model files, by name.
    func files() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter(Self.isName)
            .sorted(by: NaturalOrder.precedes)
    }

    /// The file that somebody means: a known model, a name with or without `.gguf`, or a path.
    ///
    /// - Throws: a `Failure` that lists what there is.
    func find(_ text: String) throws -> String {
        let files = files()
        let names = [KnownModel.all.first { $0.name == text }?.file, text, text + ".gguf"].compactMap { $0 }
        if let name = names.first(where: files.contains) { return path + "/" + name }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: text, isDirectory: &isFolder), !isFolder.boolValue { return text }
        let there = files.isEmpty ? "\(path) holds none" : "there are: \(files.joined(separator: ", "))"
        throw Failure(.failed, "no model is called \(text); \(there)")
    }
}
