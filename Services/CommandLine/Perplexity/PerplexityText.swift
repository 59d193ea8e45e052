import Foundation

/// The text to be predicted.
enum PerplexityText {
    /// Reads a text file; one line break at its end does not count, as in llama.cpp's tool.
    static func read(_ path: String) throws -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(.failed, "cannot read \(path)")
        }
        return try text(Array(data), name: path)
    }

    static func text(_ bytes: [UInt8], name: String) throws -> String {
        let bytes = bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
        guard !bytes.isEmpty else { throw Failure(.usage, "\(name) is empty") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.usage, "\(name) is not a text in UTF-8")
        }
        return text
    }
}
