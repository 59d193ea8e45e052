/// One line that is edited on a terminal, with the lines before it. Bytes in, what to do out; no I/O.
struct LineEditor: Sendable {
    /// What a byte led to.
    enum Step: Sendable, Hashable {
        /// Draw the line again.
        case changed
        /// The line is complete.
        case line(String)
        /// Ctrl-C: the line is thrown away.
        case interrupted
        /// Ctrl-D on an empty line.
        case end
        case nothing
    }

    private(set) var text: [Character] = []
    /// The place of the cursor in `text`.
    private(set) var cursor = 0
    private var history: [String] = []
    /// The place in the history; its count stands for the new line.
    private var place = 0
    private var draft: [Character] = []
    private var escape: [UInt8] = []
    /// Bytes of a character that is not complete.
    private var pending: [UInt8] = []
    private static let mostLines = 500

    /// Takes a byte of the input.
    mutating func take(_ byte: UInt8) -> Step {
        if !escape.isEmpty { return takeEscape(byte) }
        switch byte {
        case 0x1b:
            escape = [byte]
            return .nothing
        case 0x0d, 0x0a: return complete()
        case 0x03:
            reset()
            return .interrupted
        case 0x04: return text.isEmpty ? .end : delete(at: cursor)
        case 0x7f, 0x08: return delete(at: cursor - 1)
        case 0x01: return move(to: 0)
        case 0x05: return move(to: text.count)
        case 0x15: return remove(0..<cursor)
        case 0x0b: return remove(cursor..<text.count)
        case 0x17:
            var start = cursor
            while start > 0, text[start - 1] == " " { start -= 1 }
            while start > 0, text[start - 1] != " " { start -= 1 }
            return remove(start..<cursor)
        case ..<0x20: return .nothing
        default: return insert(byte)
        }
    }

    private mutating func insert(_ byte: UInt8) -> Step {
        pending.append(byte)
        guard let whole = String(validating: pending, as: UTF8.self) else {
            // No character of UTF-8 has more than four bytes.
            if pending.count >= 4 { pending = [] }
            return .nothing
        }
        pending = []
        // A mark that joins the character before it becomes one with it.
        let before = String(text[..<cursor])
        let joined = Array(before + whole)
        text.replaceSubrange(..<cursor, with: joined)
        cursor = joined.count
        return .changed
    }

    private mutating func takeEscape(_ byte: UInt8) -> Step {
        escape.append(byte)
        if escape.count == 2 {
            if byte != UInt8(ascii: "["), byte != UInt8(ascii: "O") { escape = [] }
            return .nothing
        }
        // Parameters; the last byte says what it is.
        if (0x30...0x3f).contains(byte), escape.count < 16 { return .nothing }
        defer { escape = [] }
        switch byte {
        case UInt8(ascii: "A"): return recall(place - 1)
        case UInt8(ascii: "B"): return recall(place + 1)
        case UInt8(ascii: "C"): return move(to: cursor + 1)
        case UInt8(ascii: "D"): return move(to: cursor - 1)
        case UInt8(ascii: "H"): return move(to: 0)
        case UInt8(ascii: "F"): return move(to: text.count)
        case UInt8(ascii: "~") where escape.contains(UInt8(ascii: "3")): return delete(at: cursor)
        default: return .nothing
        }
    }

    private mutating func complete() -> Step {
        let line = String(text)
        if !line.isEmpty, history.last != line { history.append(line) }
        if history.count > Self.mostLines { history.removeFirst() }
        reset()
        return .line(line)
    }

    private mutating func reset() {
        (text, cursor, draft, pending) = ([], 0, [], [])
        place = history.count
    }

    private mutating func recall(_ wanted: Int) -> Step {
        guard (0...history.count).contains(wanted), wanted != place else { return .nothing }
        if place == history.count { draft = text }
        place = wanted
        text = wanted == history.count ? draft : Array(history[wanted])
        cursor = text.count
        return .changed
    }

    private mutating func move(to wanted: Int) -> Step {
        guard (0...text.count).contains(wanted), wanted != cursor else { return .nothing }
        cursor = wanted
        return .changed
    }

    private mutating func delete(at place: Int) -> Step {
        guard text.indices.contains(place) else { return .nothing }
        return remove(place..<place + 1)
    }

    private mutating func remove(_ range: Range<Int>) -> Step {
        guard !range.isEmpty else { return .nothing }
        text.removeSubrange(range)
        cursor = range.lowerBound
        return .changed
    }

    /// What of the line fits into a width, and where the cursor is in it.
    func window(_ width: Int) -> (text: String, cursor: Int) {
        let start = max(0, cursor - max(1, width - 1))
        return (String(text[start..<min(text.count, start + max(1, width))]), cursor - start)
    }
}
