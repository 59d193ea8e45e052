/// Reads what stands between the marks of calls: one call, or a list of calls, as JSON.
struct CallBody: Sendable {
    private enum Place: Sendable, Hashable {
        case start, inCall, between
    }

    /// Where it is.
    private(set) var status = CallObjectScanner.Status.open
    /// What was read and is no call.
    private(set) var raw: [UInt8] = []
    /// Whether a call was told.
    private(set) var hasCalls = false
    private let names: Set<String>?
    private var place = Place.start
    private var isList = false
    private var scanner: CallObjectScanner

    init(names: Set<String>? = nil) {
        self.names = names
        scanner = CallObjectScanner(names: names)
    }

    /// Takes a byte.
    mutating func push(_ byte: UInt8, into events: inout [ToolEvent]) {
        switch place {
        case .start where byte.isJSONSpace: raw.append(byte)
        case .start where byte == UInt8(ascii: "[") && !isList:
            isList = true
            raw.append(byte)
        case .start where byte == UInt8(ascii: "]") && isList: status = .complete
        case .start where byte == UInt8(ascii: "{"):
            place = .inCall
            scan(byte, into: &events)
        case .start:
            raw.append(byte)
            status = .failed
        case .inCall: scan(byte, into: &events)
        case .between where byte.isJSONSpace: break
        case .between where byte == UInt8(ascii: ","):
            place = .start
            scanner = CallObjectScanner(names: names)
        // Whatever else it is, the calls before it count.
        case .between: status = .complete
        }
    }

    /// Hands over arguments that have been read.
    mutating func flush(into events: inout [ToolEvent]) { scanner.flush(into: &events) }

    private mutating func scan(_ byte: UInt8, into events: inout [ToolEvent]) {
        scanner.push(byte, into: &events)
        hasCalls = hasCalls || scanner.hasBegun
        switch scanner.status {
        case .open: break
        case .complete:
            raw = []
            if isList { place = .between } else { status = .complete }
        case .failed:
            scanner.flush(into: &events)
            raw += scanner.raw
            status = scanner.hasBegun ? .complete : .failed
        }
    }

    /// What was read, where it ends before it is complete and no call was told.
    var unfinished: [UInt8] { raw + (scanner.hasBegun ? [] : scanner.raw) }
}
