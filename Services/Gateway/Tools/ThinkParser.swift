/// The tags between which a model writes its thoughts in front of an answer.
struct ThinkTags: Sendable, Hashable {
    /// Begins the thoughts.
    var open: String
    /// Ends them.
    var close: String

    /// Qwen, DeepSeek, SmolLM3 and most others; Mistral; Seed.
    private static let known = [
        ThinkTags(open: "<think>", close: "</think>"), ThinkTags(open: "[THINK]", close: "[/THINK]"),
        ThinkTags(open: "<seed:think>", close: "</seed:think>"),
    ]

    /// The tags that a chat template shows; `nil` where it shows none.
    static func of(template: String) -> ThinkTags? {
        known.first { template.contains($0.open) && template.contains($0.close) }
    }

    /// Whether thoughts have begun at the end of a prompt, so that the answer continues them.
    func isOpen(atEndOf prompt: String) -> Bool {
        guard let begin = prompt.ranges(of: open).last else { return false }
        return !prompt[begin.upperBound...].contains(close)
    }
}

/// Tells thoughts from the answer behind them, which another parser reads. White space around the thoughts belongs to the form.
struct ThinkParser: ToolCallParser {
    private enum Place: Sendable {
        /// Thoughts may begin.
        case start
        case thoughts
        /// White space behind the thoughts.
        case space
        case answer
    }

    private let open: [UInt8]
    private let close: [UInt8]
    private var inner: any ToolCallParser
    private var place: Place
    private var rest: [UInt8] = []
    /// Whether nothing of the thoughts was shown yet.
    private var isFirst = true

    /// Makes a parser; `isOpen` says that the prompt has begun the thoughts.
    init(_ tags: ThinkTags, isOpen: Bool, inner: any ToolCallParser) {
        open = Array(tags.open.utf8)
        close = Array(tags.close.utf8)
        self.inner = inner
        place = isOpen ? .thoughts : .start
    }

    var isReasoning: Bool {
        switch place {
        case .thoughts: true
        case .start: !rest.isEmpty && rest.contains { !$0.isJSONSpace }
        case .space, .answer: inner.isReasoning
        }
    }

    mutating func append(_ text: String) -> [ToolEvent] {
        if case .answer = place { return inner.append(text) }
        rest.append(contentsOf: text.utf8)
        var events: [ToolEvent] = []
        while step(&events) {}
        return events
    }

    mutating func finish() -> [ToolEvent] {
        var events: [ToolEvent] = []
        switch place {
        case .thoughts: events.add(.reasoning(String(decoding: rest, as: UTF8.self)))
        case .start: events.add(inner.append(String(decoding: rest, as: UTF8.self)))
        case .space, .answer: break
        }
        rest = []
        events.add(inner.finish())
        return events
    }

    private mutating func step(_ events: inout [ToolEvent]) -> Bool {
        switch place {
        case .start:
            let text = rest.drop(while: \.isJSONSpace)
            if text.starts(with: open) {
                rest = Array(text.dropFirst(open.count))
                place = .thoughts
                return true
            }
            if open.starts(with: text) { return false }
            return hand(rest, &events)
        case .thoughts: return thoughts(&events)
        case .space:
            let text = rest.drop(while: \.isJSONSpace)
            return text.isEmpty ? false : hand(Array(text), &events)
        case .answer: return false
        }
    }

    /// What comes from here on is the answer.
    private mutating func hand(_ bytes: [UInt8], _ events: inout [ToolEvent]) -> Bool {
        place = .answer
        rest = []
        events.add(inner.append(String(decoding: bytes, as: UTF8.self)))
        return false
    }

    private mutating func thoughts(_ events: inout [ToolEvent]) -> Bool {
        if isFirst {
            rest = Array(rest.drop(while: \.isJSONSpace))
            // Some models write the tag again that the prompt has.
            if rest.starts(with: open) {
                rest.removeFirst(open.count)
                return true
            }
            if rest.isEmpty || open.starts(with: rest) { return false }
        }
        let end = rest.firstStart(of: close)
        var shown = Array(rest[..<(end ?? rest.count - rest.suffixThatBegins(close))])
        while let last = shown.last, last.isJSONSpace { shown.removeLast() }
        if !shown.isEmpty {
            events.add(.reasoning(String(decoding: shown, as: UTF8.self)))
            isFirst = false
        }
        guard let end else {
            rest.removeFirst(shown.count)
            return false
        }
        rest.removeFirst(end + close.count)
        place = .space
        return true
    }
}

/// Text that is nothing else.
struct PlainParser: ToolCallParser {
    mutating func append(_ text: String) -> [ToolEvent] { text.isEmpty ? [] : [.content(text)] }
    mutating func finish() -> [ToolEvent] { [] }
}
