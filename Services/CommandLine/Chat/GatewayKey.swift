import Foundation

/// The API key that a command sends: from a file or the environment; never from an argument, which everybody on the
/// machine can read.
struct GatewayKey: Sendable {
    /// The variable that holds the key where no option does.
    static let variable = "E2LLM_API_KEY"

    private let key: String?

    /// Chooses the key.
    ///
    /// - Parameters:
    ///   - file: the file of `--api-key-file`; its first line that is no remark counts.
    /// - Throws: a `Failure` where the file cannot be read or what was found cannot be a key.
    init(
        file: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        let variable = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
        key = try file.map { try Self.read($0) } ?? variable
        // Anything else would end the header line.
        guard key?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) != false, key?.isEmpty != true else {
            throw Failure(.usage, "an API key consists of printable ASCII characters without spaces")
        }
    }

    /// The headers that carry the key.
    var headers: [String: String] { key.map { ["authorization": "Bearer \($0)"] } ?? [:] }

    private static func read(_ path: String) throws -> String {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Failure(.failed, "--api-key-file: \(path) cannot be read: \(error.localizedDescription)")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        guard let key = lines.first(where: { !$0.isEmpty && !$0.hasPrefix("#") }) else {
            throw Failure(.failed, "--api-key-file: \(path) holds no key")
        }
        return key
    }
}
