import Domain

/// Reads the text of one choice as it comes: calls are numbered, and those beyond the most that were asked for are left out.
struct AnswerReader: Sendable {
    private var parser: any ToolCallParser
    private let mostCalls: Int
    private let tellsThoughts: Bool
    private var calls = 0
    /// Tokens of thoughts, marks around them included.
    private(set) var reasoningTokens = 0

    init(_ reading: AnswerReading) {
        parser = reading.makeParser()
        mostCalls = reading.mostCalls
        tellsThoughts = reading.tellsThoughts
    }

    /// Whether a call was told.
    var hasCalls: Bool { calls > 0 && mostCalls > 0 }

    /// Takes the text of so many tokens.
    mutating func append(_ text: String, tokens: Int = 1) -> [AnswerPiece] {
        let began = parser.isReasoning
        let events = parser.append(text)
        if began || parser.isReasoning { reasoningTokens += tokens }
        return pieces(events)
    }

    /// The choice has ended.
    mutating func finish() -> [AnswerPiece] { pieces(parser.finish()) }

    private mutating func pieces(_ events: [ToolEvent]) -> [AnswerPiece] {
        var result: [AnswerPiece] = []
        for event in events {
            switch event {
            case .content(let text): result.append(.content(text))
            case .reasoning(let text): if tellsThoughts { result.append(.reasoning(text)) }
            case .call(let name):
                calls += 1
                if calls <= mostCalls { result.append(.call(index: calls - 1, name: name)) }
            case .arguments(let text):
                if calls <= mostCalls { result.append(.arguments(index: calls - 1, text)) }
            }
        }
        return result
    }
}

/// A part of an answer.
enum AnswerPiece: Sendable, Hashable {
    case content(String)
    case reasoning(String)
    case call(index: Int, name: String)
    case arguments(index: Int, String)
}

/// A call that is complete.
struct FinishedCall: Sendable, Hashable {
    var name: String
    var arguments = ""
}

/// A choice that is complete.
struct FinishedChoice: Sendable, Hashable {
    var text: String
    var reasoning = ""
    var calls: [FinishedCall] = []
    /// Tokens of the prompt, and of the output, where their log probabilities are asked for.
    var promptScored: [ScoredToken] = []
    var scored: [ScoredToken] = []
    var reason: FinishReason
    var stop: SequenceStream.StopCause?

    /// Takes a part of the answer.
    mutating func add(_ piece: AnswerPiece) {
        switch piece {
        case .content(let text): self.text += text
        case .reasoning(let text): reasoning += text
        case .call(_, let name): calls.append(FinishedCall(name: name))
        case .arguments(let index, let text):
            if calls.indices.contains(index) { calls[index].arguments += text }
        }
    }

    /// OpenAI's name of the reason.
    var reasonText: String { AnswerShape.reasonText(reason, hasCalls: !calls.isEmpty) }
}
