/// Calls that stand between marks, as Hermes, Qwen, SmolLM, Mistral and Gemma write them, or at the beginning of an answer, as Llama
/// does.
struct MarkedCallParser: ToolCallParser {
    private enum Place: Sendable {
        case text
        case json(CallBody)
        /// A call in Gemma's own notation, or a name that JSON follows: read as a whole.
        case notation
        /// Behind a call, where its closing mark may stand.
        case closing
        /// Where a call may stand without a mark.
        case unmarked
    }

    private let marks: ToolMarks
    private let names: Set<String>
    private let texts: [String: Set<String>]
    private var place: Place
    private var rest: [UInt8] = []
    /// White space that is shown only if text follows.
    private var space: [UInt8] = []
    private var hasCalls = false

    /// Makes a parser; `names` are the functions that there are, `texts` their arguments that are texts in any case.
    init(marks: ToolMarks, names: Set<String>, texts: [String: Set<String>] = [:]) {
        self.texts = texts
        self.marks = marks
        self.names = names
        place = marks.open.isEmpty ? .unmarked : .text
    }

    mutating func append(_ text: String) -> [ToolEvent] {
        rest.append(contentsOf: text.utf8)
        var events: [ToolEvent] = []
        while step(&events, isLast: false) {}
        return events
    }

    mutating func finish() -> [ToolEvent] {
        var events: [ToolEvent] = []
        while step(&events, isLast: true) {}
        switch place {
        case .json(var body):
            body.flush(into: &events)
            show((body.hasCalls ? [] : Array(marks.open.utf8)) + body.unfinished, &events)
        case .notation: show(Array(marks.open.utf8) + rest, &events)
        case .text, .closing, .unmarked: show(rest, &events)
        }
        rest = []
        if !hasCalls { events.add(.content(String(decoding: space, as: UTF8.self))) }
        space = []
        return events
    }

    /// Goes on as far as one kind of text reaches; `false` where more must come.
    private mutating func step(_ events: inout [ToolEvent], isLast: Bool) -> Bool {
        switch place {
        case .text: return text(&events)
        case .json(var body):
            var told: [ToolEvent] = []
            var count = 0
            while body.status == .open, count < rest.count {
                body.push(rest[count], into: &told)
                count += 1
            }
            rest.removeFirst(count)
            body.flush(into: &told)
            tell(told, &events)
            place = .json(body)
            guard body.status != .open else { return false }
            let isCall = body.status == .complete
            if !isCall { show((body.hasCalls ? [] : Array(marks.open.utf8)) + body.raw, &events) }
            place = marks.open.isEmpty ? (isCall ? .unmarked : .text) : isCall ? .closing : .text
            return true
        case .notation: return notation(&events, isLast: isLast)
        case .closing:
            skipSpace()
            let close = Array(marks.close.utf8)
            if rest.starts(with: close) {
                rest.removeFirst(close.count)
            } else if close.starts(with: rest), !isLast {
                return false
            }
            place = .text
            return true
        case .unmarked: return unmarked(isLast: isLast)
        }
    }

    private mutating func text(_ events: inout [ToolEvent]) -> Bool {
        let open = Array(marks.open.utf8)
        guard !open.isEmpty else {
            show(rest, &events)
            rest = []
            return false
        }
        if let start = rest.firstStart(of: open) {
            show(Array(rest[..<start]), &events)
            rest.removeFirst(start + open.count)
            place = marks.notation == .json ? .json(CallBody()) : .notation
            return true
        }
        let held = rest.suffixThatBegins(open)
        show(Array(rest.dropLast(held)), &events)
        rest = Array(rest.suffix(held))
        return false
    }

    private mutating func unmarked(isLast: Bool) -> Bool {
        while let byte = rest.first, byte.isJSONSpace || hasCalls && byte == UInt8(ascii: ";") {
            if !hasCalls { space.append(byte) }
            rest.removeFirst()
        }
        let tag = Array(marks.tag.utf8)
        if !tag.isEmpty, !rest.isEmpty, !isLast, rest.count < tag.count, tag.starts(with: rest) { return false }
        if !tag.isEmpty, rest.starts(with: tag) {
            rest.removeFirst(tag.count)
            return true
        }
        guard let first = rest.first else { return false }
        place = first == UInt8(ascii: "{") ? .json(CallBody(names: names)) : .text
        return true
    }

    private mutating func notation(_ events: inout [ToolEvent], isLast: Bool) -> Bool {
        switch marks.notation {
        case .json: return false
        case .namedJSON:
            // `[TOOL_CALLS]` is followed by a list, or by a name, a mark and the arguments.
            guard let first = rest.first(where: { !$0.isJSONSpace }) else { return false }
            if first == UInt8(ascii: "[") || first == UInt8(ascii: "{") {
                place = .json(CallBody())
                return true
            }
            guard let call = NamedCall(rest, mark: marks.arguments) else { return false }
            tell([.call(name: call.name), .arguments(call.arguments)], &events)
            rest.removeFirst(call.count)
        case .parameters, .keysAndValues:
            do throws(TaggedCall.Stop) {
                let call = try TaggedCall(rest, marks, names: names, texts: texts, isLast: isLast)
                tell([.call(name: call.name), .arguments(call.arguments.written)], &events)
                rest.removeFirst(call.count)
                place = .closing
                return true
            } catch {
                guard error == .wrong else { return false }
                show(Array(marks.open.utf8), &events)
            }
        case .gemma:
            let close = Array(marks.close.utf8)
            guard let end = rest.firstStart(of: close) else { return false }
            let body = Array(rest[..<end])
            if let call = GemmaCall(body, quote: marks.quote) {
                tell([.call(name: call.name), .arguments(call.arguments.written)], &events)
            } else {
                show(Array(marks.open.utf8) + body + close, &events)
            }
            rest.removeFirst(end + close.count)
        }
        place = .text
        return true
    }

    private mutating func tell(_ told: [ToolEvent], _ events: inout [ToolEvent]) {
        if !told.isEmpty {
            hasCalls = true
            space = []
        }
        events.add(told)
    }

    private mutating func skipSpace() { while rest.first?.isJSONSpace == true { rest.removeFirst() } }

    private mutating func show(_ bytes: [UInt8], _ events: inout [ToolEvent]) {
        guard let last = bytes.lastIndex(where: { !$0.isJSONSpace }) else {
            space += bytes
            return
        }
        events.add(.content(String(decoding: space + bytes[...last], as: UTF8.self)))
        space = Array(bytes[(last + 1)...])
    }
}

extension [UInt8] {
    /// Where some bytes begin.
    func firstStart(of part: [UInt8]) -> Int? {
        guard let first = part.first, count >= part.count else { return nil }
        return (0...(count - part.count)).first { self[$0] == first && self[$0...].starts(with: part) }
    }

    /// Length of the longest end with which some bytes begin.
    func suffixThatBegins(_ part: [UInt8]) -> Int {
        (0...Swift.min(count, Swift.max(0, part.count - 1))).reversed().first { part.starts(with: suffix($0)) } ?? 0
    }
}
