/// A function that the model may call.
struct ToolDefinition: Sendable, Hashable {
    /// Its name.
    var name: String
    /// The schema of its arguments; any object where it is absent.
    var parameters: JSONValue?
    /// Whether arguments must follow the schema.
    var isStrict = false
    /// What the template is told.
    var description: JSONValue
}

/// Which functions are to be called.
enum ToolChoice: Sendable, Hashable {
    /// Those that the model wants, or none.
    case auto
    /// None.
    case never
    /// At least one.
    case required
    /// This one.
    case named(String)
}

/// The tools of a request.
struct ToolUse: Sendable, Hashable {
    /// The functions.
    var definitions: [ToolDefinition]
    /// Which are to be called.
    var choice = ToolChoice.auto
    /// Whether one answer may have several calls.
    var isParallel = true
    /// How the model writes calls.
    var syntax: ToolSyntax

    /// Whether an answer has to be a call.
    var mustCall: Bool {
        if case .named = choice { true } else { choice == .required }
    }

    /// The functions that may be called.
    var callable: [ToolDefinition] {
        if case .named(let name) = choice { definitions.filter { $0.name == name } } else { definitions }
    }

    /// Most calls of an answer.
    var mostCalls: Int? {
        if case .named = choice { 1 } else { isParallel && syntax != .harmony ? nil : 1 }
    }
}

/// How the text of an answer is read.
struct AnswerReading: Sendable, Hashable {
    /// How the model writes calls; `nil` where there are no tools.
    var syntax: ToolSyntax?
    /// The functions that there are.
    var names: Set<String> = []
    /// Their arguments that are texts in any case.
    var texts: [String: Set<String>] = [:]
    /// Most calls that are told.
    var mostCalls = Int.max
    /// Control tokens that the reading needs to see.
    var shownTokens: Set<Int32> = []

    /// The tags around thoughts; `nil` where there are none.
    var thinking: ThinkTags?
    /// Whether the prompt has begun the thoughts.
    var isThinking = false
    /// Whether thoughts are told.
    var tellsThoughts = true

    /// A parser for one choice.
    func makeParser() -> any ToolCallParser {
        let inner = syntax.map { $0.makeParser(names: names, texts: texts) } ?? PlainParser()
        return thinking.map { ThinkParser($0, isOpen: isThinking, inner: inner) } ?? inner
    }
}
