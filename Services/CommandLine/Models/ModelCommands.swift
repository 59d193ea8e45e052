import ArgumentParser
import Foundation
import ServiceRuntime

/// `e2llm pull`: brings a model file into the folder of models.
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetches a model file, checks it, and prints its path.",
        discussion:
            "Known are smollm2 and gemma3 (Gemma terms of use apply); other models by their address or file. The folder is E2LLM_MODELS, else e2llm/models below XDG_DATA_HOME or ~/.local/share."
    )

    @Argument(help: "smollm2, gemma3, the http(s) address of a .gguf file, or a .gguf file.") var model: String

    func run() async throws {
        try await Failure.reporting {
            let source = try ModelSource(model) { FileManager.default.fileExists(atPath: $0) }
            print(try await ModelFetch(folder: ModelFolder()).run(source))
        }
    }
}

/// `e2llm ls`: the model files.
struct ModelListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Lists the model files.")

    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let folder = ModelFolder()
            let models = folder.files().map { ModelFacts(path: folder.path + "/" + $0) }
            if json { return try JSONOutput.print(models) }
            if models.isEmpty { return print("no models in \(folder.path); `e2llm pull smollm2` fetches one") }
            var rows = [["NAME", "SIZE", "ARCHITECTURE", "LAYERS", "CONTEXT", "TYPE"]]
            for model in models {
                rows.append([
                    URL(fileURLWithPath: model.file).lastPathComponent, ByteText.format(model.bytes),
                    model.architecture.map(PrintableText.clean) ?? "-", model.layers.map(String.init) ?? "-",
                    model.contextTokens.map(String.init) ?? "-",
                    model.problem.map { "cannot be served: \(PrintableText.clean($0))" } ?? model.types.first?.type
                        ?? "-",
                ])
            }
            print(TextTable.format(rows))
        }
    }
}

/// `e2llm show`: what a model file holds.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows what a model file holds: architecture, layers, context, types, sizes.")

    @Argument(help: "The name of a model, or a file.") var model: String
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await Failure.reporting {
            let facts = ModelFacts(path: try ModelFolder().find(model))
            if json { try JSONOutput.print(facts) } else { print(facts.text) }
            if facts.problem != nil { throw ExitCode(Failure.Kind.failed.rawValue) }
        }
    }
}

/// `e2llm rm`: removes model files of the folder.
struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Removes model files from the folder of models.")

    @Argument(help: "The names of models.") var models: [String]

    func run() async throws {
        try await Failure.reporting {
            let folder = ModelFolder()
            let files = try models.map { name in
                let path = try folder.find(name)
                // Files elsewhere are nobody's to remove but their owner's.
                guard path.hasPrefix(folder.path + "/"),
                    ModelFolder.isName(String(path.dropFirst(folder.path.count + 1)))
                else { throw Failure(.usage, "\(path) is not in \(folder.path); rm removes only what is there") }
                if let user = ClusterRecord.live().first(where: { $0.model == path }) {
                    throw Failure(.failed, "\(path) is served by the cluster at \(user.http)")
                }
                return path
            }
            for path in files {
                do {
                    try FileManager.default.removeItem(atPath: path)
                } catch {
                    throw Failure(.failed, "\(path) cannot be removed: \(error.localizedDescription)")
                }
                print("removed \(path)")
            }
        }
    }
}
