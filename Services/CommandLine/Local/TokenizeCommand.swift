import ArgumentParser
import Foundation
import Inference

/// `e2llm tokenize`: text on standard input, token ids on standard output.
struct TokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize", abstract: "Reads text on standard input and prints a JSON array of token ids.")

    @Option(help: "A GGUF file; one that holds only a vocabulary will do.") var model: String
    @Flag(help: "Add no BOS or EOS, and take the text of special tokens as ordinary text.") var noSpecial = false

    func run() async throws {
        try await Failure.reporting {
            let tokenizer: Tokenizer
            do {
                tokenizer = try Tokenizer(gguf: try GGUFFile(path: model))
            } catch {
                throw Failure(.failed, "\(model): \(error)")
            }
            let bytes = FileHandle.standardInput.readDataToEndOfFile()
            let ids = tokenizer.encode(bytes: Array(bytes), addSpecial: !noSpecial, parseSpecial: !noSpecial)
            print("[" + ids.map(String.init).joined(separator: ",") + "]")
        }
    }
}
