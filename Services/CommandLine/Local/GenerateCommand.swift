import ArgumentParser
import Domain
import Foundation
import Inference

/// `e2llm generate`: the whole model in one process, the reference that the services must equal.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Generates text in one process, without any service.")

    @Option(help: "The GGUF file.") var model: String
    @Option(help: "The prompt; the text of special tokens in it stands for the tokens.") var prompt: String
    @Flag(help: "Take the prompt as a user's message and apply the model's chat template.") var chat = false
    @Option(help: "Most tokens to generate.") var maxTokens: Int = 128
    @Option(help: "0 takes the most likely token.") var temperature: Double = 0
    @Option(help: "Keep the most likely tokens; 0 keeps all.") var topK: Int = 0
    @Option(help: "Keep tokens whose probabilities add up to this.") var topP: Double = 1
    @Option(help: "Keep tokens at least this many times as likely as the most likely one.") var minP: Double = 0
    @Option(help: "Above 1 makes tokens that were seen less likely.") var repetitionPenalty: Double = 1
    @Option(help: "Seed of the random numbers.") var seed: UInt64 = 0
    @Flag(help: "Go on after end-of-generation tokens.") var ignoreEos = false
    @Option(help: "Compute threads; default: all processors.") var threads: Int?
    @Option(help: "How keys and values are kept.") var kvType: KVType = .f16
    @Flag(help: "Print JSON with the tokens instead of the text as it comes.") var json = false

    private struct Result: Encodable {
        var promptTokens: [Int32]
        var tokens: [Int32]
        var text: String
        var finishReason: FinishReason

        enum CodingKeys: String, CodingKey {
            case tokens, text
            case promptTokens = "prompt_tokens"
            case finishReason = "finish_reason"
        }
    }

    func run() async throws {
        try await Failure.reporting {
            try check()
            try InstructionSet.choose()
            let file: ModelFile
            let tokenizer: Tokenizer
            let chats: ChatSupport
            do {
                file = try ModelFile(path: model, kvType: kvType)
                tokenizer = try Tokenizer(gguf: file.gguf)
                chats = ChatSupport.read(file.gguf, tokenizer: tokenizer)
            } catch {
                throw Failure(.failed, "\(model): \(error)")
            }
            let promptTokens =
                try chat
                ? chatTokens(chats) : tokenizer.encode(prompt, addSpecial: true, parseSpecial: true)
            let stop = StopConditions(
                maxTokens: maxTokens, stopTokens: ignoreEos ? [] : tokenizer.endOfGenerationTokens)
            let generator = try Generator(
                model: file, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
                contextTokens: promptTokens.count + maxTokens)
            var detokenizer = StreamingDetokenizer(tokenizer: tokenizer, skipSpecial: true)
            var text = ""
            var tokens: [Int32] = []
            let generated = try generator.generate(
                prompt: promptTokens,
                sampling: SamplingParameters(
                    temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: repetitionPenalty,
                    seed: seed), stop: stop
            ) { sampled in
                if stop.stopTokens.contains(sampled.token) { return true }
                tokens.append(sampled.token)
                emit(detokenizer.append(sampled.token), to: &text)
                return true
            }
            emit(detokenizer.finish(), to: &text)
            if json {
                let result = Result(
                    promptTokens: promptTokens, tokens: tokens, text: text, finishReason: generated.finishReason)
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                print(String(decoding: try encoder.encode(result), as: UTF8.self))
            } else {
                print()
            }
        }
    }

    private func chatTokens(_ chats: ChatSupport) throws -> [Int32] {
        switch chats {
        case .format(let format): return try format.tokens([ChatMessage(role: "user", content: prompt)])
        case .absent: throw Failure(.usage, "\(model) has no chat template; leave --chat out")
        case .unusable(let reason): throw Failure(.failed, "\(model): \(reason); leave --chat out")
        }
    }

    private func emit(_ piece: String, to text: inout String) {
        text += piece
        guard !json, !piece.isEmpty else { return }
        print(piece, terminator: "")
        fflush(nil)
    }

    private func check() throws {
        guard maxTokens >= 1 else { throw Failure(.usage, "--max-tokens must be at least 1, not \(maxTokens)") }
        guard (0...2).contains(temperature) else {
            throw Failure(.usage, "--temperature must be 0 to 2, not \(temperature)")
        }
        guard topK >= 0 else { throw Failure(.usage, "--top-k must be at least 0, not \(topK)") }
        guard topP > 0, topP <= 1 else { throw Failure(.usage, "--top-p must be above 0 and at most 1, not \(topP)") }
        guard (0...1).contains(minP) else { throw Failure(.usage, "--min-p must be 0 to 1, not \(minP)") }
        guard repetitionPenalty > 0 else { throw Failure(.usage, "--repetition-penalty must be above 0") }
        guard threads ?? 1 >= 1 else { throw Failure(.usage, "--threads must be at least 1") }
    }
}
