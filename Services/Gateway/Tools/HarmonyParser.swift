/// The channels of OpenAI's open models: `<|channel|>analysis<|message|>` is reasoning, `final` is the answer, and a message with a
/// recipient `functions.NAME` is a call. The header of the first message began in the prompt.
struct HarmonyParser: ToolCallParser {
    /// Control tokens that stand in the text for this parser.
    static let marks = [
        "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>",
    ]
    private static let messageMark = Array("<|message|>".utf8)
    private static let startMark = Array("<|start|>".utf8)
    /// What ends a message.
    private static let ends = ["<|end|>", "<|call|>", "<|return|>", "<|start|>"].map { Array($0.utf8) }

    private enum Kind: Sendable {
        case content, reasoning, arguments
    }

    private enum Place: Sendable {
        case header
        case message(Kind)
        /// Behind a message, up to the next header.
        case between
    }

    private var place = Place.header
    private var rest: [UInt8] = []

    var isReasoning: Bool { if case .message(.reasoning) = place { true } else { false } }

    mutating func append(_ text: String) -> [ToolEvent] {
        rest.append(contentsOf: text.utf8)
        var events: [ToolEvent] = []
        while step(&events) {}
        return events
    }

    mutating func finish() -> [ToolEvent] {
        var events: [ToolEvent] = []
        switch place {
        case .message(let kind): events.add(event(rest, kind))
        // A model that writes no header answers all the same.
        case .header where !rest.isEmpty && rest.firstStart(of: Array("<|".utf8)) == nil:
            events.add(.content(String(decoding: rest, as: UTF8.self)))
        case .header, .between: break
        }
        rest = []
        return events
    }

    private mutating func step(_ events: inout [ToolEvent]) -> Bool {
        switch place {
        case .header:
            guard let end = rest.firstStart(of: Self.messageMark) else { return false }
            let header = String(decoding: rest[..<end], as: UTF8.self)
            rest.removeFirst(end + Self.messageMark.count)
            if let name = Self.recipient(header) {
                events.add(.call(name: name))
                place = .message(.arguments)
            } else {
                place = .message(Self.channel(header) == "analysis" ? .reasoning : .content)
            }
            return true
        case .message(let kind):
            var first: (start: Int, mark: [UInt8])?
            for mark in Self.ends {
                if let start = rest.firstStart(of: mark), start < first?.start ?? .max { first = (start, mark) }
            }
            if let (start, mark) = first {
                events.add(event(Array(rest[..<start]), kind))
                // The beginning of another message ends one as well.
                rest.removeFirst(start + (mark == Self.startMark ? 0 : mark.count))
                place = .between
                return true
            }
            let held = Self.ends.map { rest.suffixThatBegins($0) }.max() ?? 0
            events.add(event(Array(rest.dropLast(held)), kind))
            rest = Array(rest.suffix(held))
            return false
        case .between:
            guard let start = rest.firstStart(of: Self.startMark) else {
                rest = Array(rest.suffix(rest.suffixThatBegins(Self.startMark)))
                return false
            }
            rest.removeFirst(start + Self.startMark.count)
            place = .header
            return true
        }
    }

    private func event(_ bytes: [UInt8], _ kind: Kind) -> ToolEvent {
        let text = String(decoding: bytes, as: UTF8.self)
        return switch kind {
        case .content: .content(text)
        case .reasoning: .reasoning(text)
        case .arguments: .arguments(text)
        }
    }

    /// The function to which a message goes; the recipient stands before or behind the channel.
    private static func recipient(_ header: String) -> String? {
        guard let range = header.firstRange(of: "to=functions.") else { return nil }
        let name = header[range.upperBound...].prefix { !$0.isWhitespace && $0 != "<" }
        return name.isEmpty ? nil : String(name)
    }

    private static func channel(_ header: String) -> String {
        guard let range = header.firstRange(of: "<|channel|>") else { return "" }
        return String(header[range.upperBound...].prefix { $0.isLetter })
    }
}
