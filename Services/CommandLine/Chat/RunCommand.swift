import ArgumentParser
import Foundation

/// `e2llm run`: chat in the terminal with a running cluster.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Chats with a running cluster.",
        discussion:
            "Without a prompt it reads messages line by line: \"\"\" begins and ends a message of several lines, /help lists the commands, /bye ends. On a terminal the arrow keys bring earlier lines back."
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
            var terminal = ChatTerminal()
            while let input = terminal.next() {
                if input == .bye { return }
                do { try await chat.take(input) } catch { print("error: \(error)") }
            }
        }
    }
}

/// A conversation: what was said so far.
struct ChatSession {
    struct Message: Codable, Hashable {
        var role: String
        var content: String
    }

    private struct Request: Encodable {
        var messages: [Message]
        var stream = true
        var temperature: Double?
        var topP: Double?
        var maxTokens: Int?
        var seed: Int?

        enum CodingKeys: String, CodingKey {
            case messages, stream, temperature, seed
            case topP = "top_p"
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
    private(set) var settings: ChatSettings
    private var system: String?
    private(set) var messages: [Message] = []

    init(base: String, headers: [String: String], command: RunCommand) {
        self.base = base
        self.headers = headers
        settings = ChatSettings(
            temperature: command.temperature, maxTokens: command.maxTokens, seed: command.seed,
            isVerbose: command.verbose)
        system = command.system
        clear()
    }

    /// Forgets what was said, except the system message.
    mutating func clear() { messages = system.map { [Message(role: "system", content: $0)] } ?? [] }

    /// Does what an input asks for.
    ///
    /// - Throws: a `Failure` that says why not; the conversation stays as it was.
    mutating func take(_ input: ChatInput) async throws {
        switch input {
        case .message(let text): try await ask(text)
        case .empty, .bye: break
        case .help: print(ChatInput.helpText)
        case .clear: clear()
        case .show: print("\(settings.text)\nsystem: \(system ?? "none")\nmessages: \(messages.count)")
        case .system(let text):
            system = text
            clear()
        case .set(let name, let value): try settings.set(name, value)
        case .save(let path): try save(path)
        case .load(let path): try load(path)
        case .wrong(let problem): throw Failure(.usage, problem)
        }
    }

    /// Writes the conversation as a list of messages, as the interface takes them.
    func save(_ path: String) throws {
        do {
            try Data(try JSONOutput.text(messages).utf8).write(to: URL(fileURLWithPath: path))
        } catch {
            throw Failure(.failed, "\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    /// Reads a conversation that was saved, in place of this one.
    mutating func load(_ path: String) throws {
        do {
            messages = try JSONDecoder().decode([Message].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch is DecodingError {
            throw Failure(.failed, "\(path) is no list of messages with role and content")
        } catch {
            throw Failure(.failed, "\(path) cannot be read: \(error.localizedDescription)")
        }
        system = messages.first { $0.role == "system" }?.content
    }

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
            messages: messages, temperature: settings.temperature, topP: settings.topP, maxTokens: settings.maxTokens,
            seed: settings.seed)
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
        if settings.isVerbose, let firstToken {
            let total = start.duration(to: .now)
            let rate = Double(max(0, pieces - 1)) / max((total - firstToken) / .seconds(1), 1e-9)
            let line =
                "first token \(Int(firstToken / .milliseconds(1))) ms, total \(Int(total / .milliseconds(1))) ms, \((rate * 10).rounded() / 10) pieces/s\n"
            FileHandle.standardError.write(Data(line.utf8))
        }
    }
}
