/// The id of an event: of which process it is, and which number it has there.
struct EventID: Sendable, Hashable, CustomStringConvertible {
    /// The process; numbers of another one mean nothing here.
    var session: String
    /// Its number, from 1.
    var number: UInt64

    var description: String { "\(session)-\(number)" }

    /// Makes an id.
    init(session: String, number: UInt64) {
        self.session = session
        self.number = number
    }

    /// Reads what a client says that it has; `nil` for anything else than an id.
    init?(_ text: String) {
        guard text.utf8.count <= 128, let dash = text.lastIndex(of: "-"),
            let number = UInt64(text[text.index(after: dash)...])
        else { return nil }
        self.init(session: String(text[..<dash]), number: number)
    }
}

/// The last changes with their numbers: a client that has missed no more than these gets them, another one starts anew. Bounded in number
/// and bytes, whatever the readers do.
struct EventWindow: Sendable {
    /// The process that numbers them.
    let session: String
    /// The number of the newest change; 0 before the first one.
    private(set) var last: UInt64 = 0
    private var changes: [[UInt8]] = []
    private var bytes = 0
    private let mostChanges: Int
    private let mostBytes: Int

    /// Makes a window without changes.
    init(session: String, mostChanges: Int = 256, mostBytes: Int = 1 << 20) {
        self.session = session
        self.mostChanges = max(1, mostChanges)
        self.mostBytes = mostBytes
    }

    /// Keeps a change and gives it the next number.
    mutating func append(_ change: [UInt8]) {
        last += 1
        changes.append(change)
        bytes += change.count
        var dropped = 0
        while changes.count - dropped > mostChanges || bytes > mostBytes, dropped < changes.count {
            bytes -= changes[dropped].count
            dropped += 1
        }
        changes.removeFirst(dropped)
    }

    /// The changes behind one that a client has; `nil` where they are not all here any more, or the number is none of these.
    func changes(after number: UInt64) -> [(id: EventID, change: [UInt8])]? {
        guard number <= last, last - number <= UInt64(changes.count) else { return nil }
        let missing = changes.suffix(Int(last - number))
        return zip(missing.indices, missing).map { index, change in
            (EventID(session: session, number: last - UInt64(changes.count - 1 - index)), change)
        }
    }
}
