/// What a line of a chat in the terminal is.
enum ChatInput: Sendable, Hashable {
    case message(String)
    case empty
    case help, clear, show, bye
    /// A new system message; `nil` forgets it.
    case system(String?)
    /// A setting with its new value; `nil` where only the name was given.
    case set(String, String?)
    case save(String)
    case load(String)
    /// What is wrong with a command.
    case wrong(String)

    /// What `/help` prints.
    static let helpText = """
        /system TEXT     another system message (without TEXT: none); begins the conversation anew
        /set NAME VALUE  temperature, top_p, max_tokens, seed, verbose (without VALUE: as the server has it)
        /show            settings, and how long the conversation is
        /clear           forgets the conversation
        /save FILE       writes the conversation as JSON
        /load FILE       goes on with one
        /bye             ends, like Ctrl-D
        \"\"\"              begins and ends a message of several lines
        """

    /// Reads a line; paths like `/etc/hosts is what?` are messages.
    init(_ line: String) {
        let text = line.trimmingPrefix { $0 == " " || $0 == "\t" }
        guard text.hasPrefix("/") else {
            self = text.isEmpty ? .empty : .message(line)
            return
        }
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1].trimmingPrefix { $0 == " " } : ""
        let argument: String? = rest.isEmpty ? nil : String(rest)
        switch words[0] {
        case "/help", "/?": self = .help
        case "/clear": self = .clear
        case "/show": self = .show
        case "/bye", "/exit", "/quit": self = .bye
        case "/system": self = .system(argument)
        case "/set":
            let parts = (argument ?? "").split(separator: " ", maxSplits: 1).map(String.init)
            self =
                parts.isEmpty
                ? .wrong("/set takes a name and a value") : .set(parts[0], parts.count > 1 ? parts[1] : nil)
        case "/save": self = argument.map { .save($0) } ?? .wrong("/save takes a file")
        case "/load": self = argument.map { .load($0) } ?? .wrong("/load takes a file")
        case let word:
            // A command has letters only; anything else is about a path.
            let isCommand = word.dropFirst().allSatisfy { $0.isLetter } && word.count > 1
            self = isCommand ? .wrong("\(word) is no command; /help lists them") : .message(line)
        }
    }
}

/// What the answers of a chat are made with.
struct ChatSettings: Sendable, Hashable {
    var temperature: Double?
    var topP: Double?
    var maxTokens: Int?
    var seed: Int?
    var isVerbose = false

    /// Changes one.
    ///
    /// - Parameter value: `nil` leaves it to the server.
    /// - Throws: a `Failure` for names and values that there are not.
    mutating func set(_ name: String, _ value: String?) throws {
        switch name {
        case "temperature": temperature = try Self.number(name, value, 0...100)
        case "top_p": topP = try Self.number(name, value, 0...1)
        case "max_tokens": maxTokens = try Self.whole(name, value, 1)
        case "seed": seed = try Self.whole(name, value, .min)
        case "verbose":
            guard let value else {
                isVerbose = true
                return
            }
            guard ["on", "off", "true", "false"].contains(value) else {
                throw Failure(.usage, "verbose is on or off, not \(value)")
            }
            isVerbose = value == "on" || value == "true"
        default: throw Failure(.usage, "\(name) is none of temperature, top_p, max_tokens, seed, verbose")
        }
    }

    /// A line for each.
    var text: String {
        func line(_ name: String, _ value: (some CustomStringConvertible)?) -> String {
            "\(name): \(value.map { "\($0)" } ?? "as the server has it")"
        }
        return [
            line("temperature", temperature), line("top_p", topP), line("max_tokens", maxTokens), line("seed", seed),
            "verbose: \(isVerbose ? "on" : "off")",
        ].joined(separator: "\n")
    }

    private static func number(_ name: String, _ text: String?, _ range: ClosedRange<Double>) throws -> Double? {
        guard let text else { return nil }
        guard let value = Double(text), range.contains(value) else {
            throw Failure(.usage, "\(name) is a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    private static func whole(_ name: String, _ text: String?, _ least: Int) throws -> Int? {
        guard let text else { return nil }
        guard let value = Int(text), value >= least else {
            throw Failure(.usage, "\(name) is a whole number, not \(text)")
        }
        return value
    }
}
