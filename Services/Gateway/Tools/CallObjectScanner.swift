/// Reads one call as most models write it, a JSON object with `name` and `arguments` (or `parameters`), byte by byte: arguments go
/// out as soon as the name is known.
struct CallObjectScanner: Sendable {
    /// Where it is.
    enum Status: Sendable, Hashable {
        case open
        /// The object is complete.
        case complete
        /// It is no call; `raw` is what was read.
        case failed
    }

    private enum Phase: Sendable, Hashable {
        case start, key, inKey, colon, value, inValue, afterValue
    }

    private(set) var status = Status.open
    /// Everything that was read.
    private(set) var raw: [UInt8] = []
    /// Whether the call has been told.
    private(set) var hasBegun = false

    private let names: Set<String>?
    private var phase = Phase.start
    private var key: [UInt8] = []
    private var value: [UInt8] = []
    /// Arguments that have not been told.
    private var arguments: [UInt8] = []
    private var hasArguments = false
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Makes a scanner; with `names` only those are calls.
    init(names: Set<String>? = nil) { self.names = names }

    private var isArguments: Bool {
        key == Array("arguments".utf8) || key == Array("parameters".utf8)
    }

    /// Takes a byte; after the end nothing is taken any more.
    mutating func push(_ byte: UInt8, into events: inout [ToolEvent]) {
        guard status == .open else { return }
        if !hasBegun { raw.append(byte) }
        switch phase {
        case .start: expect(byte, UInt8(ascii: "{"), then: .key)
        case .key:
            if byte == UInt8(ascii: "\"") {
                key = []
                phase = .inKey
            } else if byte == UInt8(ascii: "}") {
                end(into: &events)
            } else if !byte.isJSONSpace {
                fail()
            }
        case .inKey:
            // Keys that matter have no escapes, others are not looked at.
            if byte == UInt8(ascii: "\""), !isEscaped {
                phase = .colon
            } else {
                key.append(byte)
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            }
        case .colon: expect(byte, UInt8(ascii: ":"), then: .value)
        case .value where byte.isJSONSpace: break
        case .value:
            value = []
            depth = 0
            phase = .inValue
            hasArguments = hasArguments || isArguments
            take(byte, into: &events)
        case .inValue: take(byte, into: &events)
        case .afterValue: separator(byte, into: &events)
        }
    }

    /// Hands over the arguments that have been read.
    mutating func flush(into events: inout [ToolEvent]) {
        guard hasBegun, !arguments.isEmpty else { return }
        events.add(.arguments(String(decoding: arguments, as: UTF8.self)))
        arguments = []
    }

    private mutating func expect(_ byte: UInt8, _ wanted: UInt8, then next: Phase) {
        if byte == wanted {
            phase = next
        } else if !byte.isJSONSpace {
            fail()
        }
    }

    private mutating func separator(_ byte: UInt8, into events: inout [ToolEvent]) {
        switch byte {
        case UInt8(ascii: ","): phase = .key
        case UInt8(ascii: "}"): end(into: &events)
        case _ where byte.isJSONSpace: break
        default: fail()
        }
    }

    private mutating func take(_ byte: UInt8, into events: inout [ToolEvent]) {
        let isFirst = value.isEmpty
        if isInString {
            store(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                if depth == 0 { endValue(into: &events) }
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""):
            guard depth > 0 || isFirst else { return fail() }
            isInString = true
            store(byte)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard depth > 0 || isFirst, depth < JSONParser.maximumDepth else { return fail() }
            depth += 1
            store(byte)
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            if depth == 0 {
                endValue(into: &events)
                return separator(byte, into: &events)
            }
            depth -= 1
            store(byte)
            if depth == 0 { endValue(into: &events) }
        case UInt8(ascii: ",") where depth == 0:
            endValue(into: &events)
            separator(byte, into: &events)
        case _ where depth == 0 && byte.isJSONSpace: endValue(into: &events)
        default: store(byte)
        }
    }

    private mutating func store(_ byte: UInt8) {
        // Only the first byte of long arguments is needed, to know what they are.
        if !isArguments || value.isEmpty || value[0] == UInt8(ascii: "\"") { value.append(byte) }
        if isArguments, value[0] != UInt8(ascii: "\"") { arguments.append(byte) }
    }

    private mutating func endValue(into events: inout [ToolEvent]) {
        phase = .afterValue
        if isArguments, value.first == UInt8(ascii: "\"") {
            // Some write the arguments as a text that holds JSON.
            guard let text = try? JSONParser.parse(value).text else { return fail() }
            arguments.append(contentsOf: text.utf8)
        } else if key == Array("name".utf8), !hasBegun {
            guard let name = try? JSONParser.parse(value).text, names?.contains(name) ?? true, !name.isEmpty else {
                return fail()
            }
            hasBegun = true
            raw = []
            events.add(.call(name: name))
        }
    }

    private mutating func end(into events: inout [ToolEvent]) {
        guard hasBegun else { return fail() }
        if !hasArguments { arguments = Array("{}".utf8) }
        flush(into: &events)
        status = .complete
    }

    private mutating func fail() { status = .failed }
}
