/// What a piece of an answer turned out to be.
enum ToolEvent: Sendable, Hashable {
    /// Text for the reader.
    case content(String)
    /// Text in which the model thinks.
    case reasoning(String)
    /// A call of a function begins; everything about arguments that follows belongs to it.
    case call(name: String)
    /// More of the arguments, as JSON.
    case arguments(String)
}

/// Tells calls from text in what a model writes. What comes of a text does not depend on the pieces in which it is fed, but for where
/// texts and arguments are cut.
protocol ToolCallParser: Sendable {
    /// Takes a piece that ends with a whole character.
    mutating func append(_ text: String) -> [ToolEvent]
    /// Nothing more comes.
    mutating func finish() -> [ToolEvent]
    /// Whether what comes next is thought.
    var isReasoning: Bool { get }
}

extension ToolCallParser {
    var isReasoning: Bool { false }
}

extension [ToolEvent] {
    /// Adds an event; empty texts are dropped, and texts of one kind that follow each other become one.
    mutating func add(_ event: ToolEvent) {
        switch (last, event) {
        case (_, .content("")), (_, .reasoning("")), (_, .arguments("")): break
        case (.content(let old), .content(let new)): self[count - 1] = .content(old + new)
        case (.reasoning(let old), .reasoning(let new)): self[count - 1] = .reasoning(old + new)
        case (.arguments(let old), .arguments(let new)): self[count - 1] = .arguments(old + new)
        default: append(event)
        }
    }

    /// Adds several.
    mutating func add(_ events: [ToolEvent]) {
        for event in events { add(event) }
    }
}

extension UInt8 {
    /// Whether it is white space in JSON.
    var isJSONSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}
