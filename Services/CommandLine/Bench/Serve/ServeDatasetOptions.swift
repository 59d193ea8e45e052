import ArgumentParser
import Domain
import Foundation

/// What the requests ask.
struct ServeDatasetOptions: ParsableArguments {
    @Option(help: "random, or custom: the prompts of --dataset-path.") var datasetName: String = "random"
    @Option(help: "For custom: a file with one JSON object a line, {\"prompt\": \"...\"}.") var datasetPath: String?
    @Option(parsing: .unconditional, help: "For custom: tokens to generate.") var customOutputLen: Int = 256
    @Option(parsing: .unconditional, help: "Requests.") var numPrompts: Int = 1000
    @Option(parsing: .unconditional, help: "For random: tokens of a prompt.") var randomInputLen: Int = 1024
    @Option(parsing: .unconditional, help: "For random: tokens to generate.") var randomOutputLen: Int = 128
    @Option(parsing: .unconditional, help: "For random: lengths vary by this share in both directions; below 1.")
    var randomRangeRatio: Double = 0
    @Option(parsing: .unconditional, help: "For random: tokens before these that all prompts have in common.")
    var randomPrefixLen: Int = 0
    @Option(help: "Decides prompts, lengths and arrivals.") var seed: UInt64 = 0
    @Flag(help: "Generate all tokens that are asked for, whatever the model says.") var ignoreEos = false
    @Option(parsing: .unconditional, help: "The temperature of sampling.") var temperature: Double = 0

    /// Where prompts come from.
    func source() throws -> ServeSource {
        guard (1...1_000_000).contains(numPrompts) else {
            throw Failure(.usage, "--num-prompts is \(numPrompts), it must be 1 to 1000000")
        }
        guard (0...5).contains(temperature) else {
            throw Failure(.usage, "--temperature is \(temperature), it must be 0 to 5")
        }
        let sampling = ServeSampling(temperature: temperature, ignoresEnd: ignoreEos)
        switch datasetName {
        case "random":
            guard datasetPath == nil else { throw Failure(.usage, "--dataset-path belongs to --dataset-name custom") }
            return .random(try lengths(), sampling)
        case "custom":
            guard let datasetPath else { throw Failure(.usage, "--dataset-name custom needs --dataset-path") }
            try Self.checkLength(customOutputLen, "--custom-output-len", from: 1)
            let text: String
            do {
                text = try String(contentsOfFile: datasetPath, encoding: .utf8)
            } catch {
                throw Failure(.failed, "--dataset-path: \(datasetPath) cannot be read: \(error.localizedDescription)")
            }
            let prompts = try CustomPrompts.read(text, name: datasetPath)
            guard prompts.count >= numPrompts else {
                throw Failure(
                    .usage, "\(datasetPath) has \(prompts.count) prompts, --num-prompts asks for \(numPrompts)")
            }
            return .custom(Array(prompts.prefix(numPrompts)), outputTokens: customOutputLen, sampling)
        default: throw Failure(.usage, "--dataset-name is \(datasetName), random and custom are known")
        }
    }

    private func lengths() throws -> RandomPrompts {
        try Self.checkLength(randomInputLen, "--random-input-len", from: 1)
        try Self.checkLength(randomOutputLen, "--random-output-len", from: 1)
        try Self.checkLength(randomPrefixLen, "--random-prefix-len", from: 0)
        guard randomRangeRatio >= 0, randomRangeRatio < 1 else {
            throw Failure(.usage, "--random-range-ratio is \(randomRangeRatio), it must be at least 0 and below 1")
        }
        return RandomPrompts(
            inputTokens: randomInputLen, outputTokens: randomOutputLen, rangeRatio: randomRangeRatio,
            prefixTokens: randomPrefixLen)
    }

    private static func checkLength(_ value: Int, _ name: String, from least: Int) throws {
        guard (least...1_000_000).contains(value) else {
            throw Failure(.usage, "\(name) is \(value), it must be \(least) to 1000000")
        }
    }
}

/// Where prompts come from.
enum ServeSource: Sendable, Hashable {
    case random(RandomPrompts, ServeSampling)
    case custom([String], outputTokens: Int, ServeSampling)
}

/// Prompts of a file: one JSON object a line.
enum CustomPrompts {
    private struct Line: Decodable { var prompt: String }

    /// Reads the lines of a file; empty ones are left out.
    static func read(_ text: String, name: String) throws -> [String] {
        try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            guard line.contains(where: { !$0.isWhitespace }) else { return nil }
            do {
                return try JSONDecoder().decode(Line.self, from: Data(line.utf8)).prompt
            } catch let error as DecodingError {
                throw Failure(.failed, "\(name), line \(index + 1): \(DecodingText.text(error))")
            }
        }
    }
}
