import ArgumentParser
import Foundation

/// `e2llm run`: chat in the terminal with a running cluster.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Chats with a running cluster.",
        discussion:
            "Without a prompt it reads messages line by line: \"\"\" begins and ends a message of several lines, /clear forgets the conversation, /bye ends."
    )

    @Argument(help: "One message; without it the chat is interactive.") var prompt: String?
    @OptionGroup var cluster: ClusterOptions
    @Option(help: "The HTTP address of the gateway; default: the newest cluster of this machine.") var url: String?
    @Option(help: "A file with the API key; default: the key in E2LLM_API_KEY.") var apiKeyFile: String?
    @Option(help: "A system message.") var system: String?
    @Option(help: "0 takes the most likely token.") var temperature: Double?
    @Option(help: "Most tokens of an answer.") var maxTokens: Int?
    @Option(help: "Seed of the random numbers.") var seed: Int?
    @Flag(help: "Print timings after each answer.") var verbose = false

    func run() async throws {
        try await Failure.reporting {
            var chat = ChatSession(
                base: try GatewayAddress(url ?? cluster.http()).base, headers: try GatewayKey(file: apiKeyFile).headers,
                command: self)
            if let prompt {
                try await chat.ask(prompt)
                return
            }
            while let message = Self.readMessage() {
                switch message {
                case "": continue
                case "/bye", "/exit", "/quit": return
                case "/clear": chat.clear()
                default:
                    do { try await chat.ask(message) } catch { print("error: \(error)") }
                }
            }
        }
    }

    private static func readMessage() -> String? {
        if isatty(STDIN_FILENO) == 1 {
            print(">>> ", terminator: "")
            fflush(nil)
        }
        guard var text = readLine() else { return nil }
        guard text.hasPrefix("\"\"\"") else { return text.trimmingCharacters(in: .whitespaces) }
        text = String(text.dropFirst(3))
        while !text.hasSuffix("\"\"\"") {
            guard let next = readLine() else { return text }
            text += "\n" + next
        }
        return String(text.dropLast(3))
    }
}

/// A conversation: what was said so far.
struct ChatSession {
    private struct Message: Codable {
        var role: String
        var content: String
    }

    private struct Request: Encodable {
        var messages: [Message]
        var stream = true
        var temperature: Double?
        var maxTokens: Int?
        var seed: Int?

        enum CodingKeys: String, CodingKey {
            case messages, stream, temperature, seed
            case maxTokens = "max_tokens"
        }
    }

    private struct Chunk: Decodable {
        struct Choice: Decodable {
            struct Delta: Decodable { var content: String? }
            var delta: Delta
        }
        struct Problem: Decodable { var message: String }
        var choices: [Choice]?
        var error: Problem?
    }

    private let base: String
    private let headers: [String: String]
    private let command: RunCommand
    private var messages: [Message] = []

    init(base: String, headers: [String: String], command: RunCommand) {
        self.base = base
        self.headers = headers
        self.command = command
        clear()
    }

    /// Forgets what was said, except the system message.
    mutating func clear() { messages = command.system.map { [Message(role: "system", content: $0)] } ?? [] }

    /// Sends a message and prints the answer as it comes.
    mutating func ask(_ text: String) async throws {
        let before = messages
        messages.append(Message(role: "user", content: text))
        do {
            try await send()
        } catch {
            messages = before
            throw error
        }
    }

    private mutating func send() async throws {
        let request = Request(
            messages: messages, temperature: command.temperature, maxTokens: command.maxTokens, seed: command.seed)
        let start = ContinuousClock.now
        var firstToken: Duration?
        var pieces = 0
        var status = 0
        var answer = ""
        var rest = ""
        let events = HTTPClient.stream(
            "POST", "\(base)/v1/chat/completions", body: try JSONEncoder().encode(request), headers: headers)
        for await event in events {
            switch event {
            case .failed(let message): throw Failure(.notReady, message)
            case .status(let code): status = code
            case .line(let line) where status != 200: rest += line
            case .line(let line):
                guard line.hasPrefix("data: "), line != "data: [DONE]" else { continue }
                let chunk = try JSONDecoder().decode(Chunk.self, from: Data(line.dropFirst(6).utf8))
                if let error = chunk.error { throw Failure(.failed, error.message) }
                guard let piece = chunk.choices?.first?.delta.content, !piece.isEmpty else { continue }
                firstToken = firstToken ?? start.duration(to: .now)
                pieces += 1
                answer += piece
                print(piece, terminator: "")
                fflush(nil)
            }
        }
        guard status == 200 else {
            let response = HTTPClient.Response(status: status, body: rest)
            let hint = status == 401 ? "; give it with --api-key-file or E2LLM_API_KEY" : ""
            throw Failure(
                status == 503 ? .notReady : .failed,
                (response.errorMessage ?? "the server at \(base) answered \(status)") + hint)
        }
        print()
        messages.append(Message(role: "assistant", content: answer))
        if command.verbose, let firstToken {
            let total = start.duration(to: .now)
            let rate = Double(max(0, pieces - 1)) / max((total - firstToken) / .seconds(1), 1e-9)
            let line =
                "first token \(Int(firstToken / .milliseconds(1))) ms, total \(Int(total / .milliseconds(1))) ms, \((rate * 10).rounded() / 10) pieces/s\n"
            FileHandle.standardError.write(Data(line.utf8))
        }
    }
}
