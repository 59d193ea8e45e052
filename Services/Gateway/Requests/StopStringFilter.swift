/// Cuts a text at the first stop string, and holds back what may be the beginning of one.
///
/// Works on UTF-8 bytes: a stop string starts at the boundary of a character, so what is let through is always whole.
struct StopStringFilter: Sendable {
    /// What came of some text.
    struct Output: Sendable, Hashable {
        /// What may be shown.
        var text: String
        /// The stop string that was found; nothing follows.
        var matched: String?
    }

    private let stops: [[UInt8]]
    private let includesStop: Bool
    private var held: [UInt8] = []

    /// Makes a filter; `includesStop` leaves the stop string in the text.
    init(stops: [String], includesStop: Bool = false) {
        self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
        self.includesStop = includesStop
    }

    /// Adds text. With `watching` false it only passes (the fewest tokens have not been reached yet).
    mutating func append(_ text: String, watching: Bool = true) -> Output {
        if stops.isEmpty { return Output(text: text) }
        held.append(contentsOf: text.utf8)
        if !watching { return Output(text: flush()) }
        if let (start, stop) = firstMatch() {
            let shown = held[..<(includesStop ? start + stop.count : start)]
            held = []
            return Output(text: String(decoding: shown, as: UTF8.self), matched: String(decoding: stop, as: UTF8.self))
        }
        let safe = held.count - longestHeldSuffix()
        let shown = String(decoding: held[..<safe], as: UTF8.self)
        held.removeFirst(safe)
        return Output(text: shown)
    }

    /// What was held back, once no more text can come.
    mutating func flush() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    private func firstMatch() -> (start: Int, stop: [UInt8])? {
        for start in held.indices {
            for stop in stops where held[start...].starts(with: stop) { return (start, stop) }
        }
        return nil
    }

    /// Length of the longest end of the held text that a stop string begins with.
    private func longestHeldSuffix() -> Int {
        let longest = stops.map(\.count).max() ?? 0
        for length in stride(from: min(longest - 1, held.count), to: 0, by: -1)
        where stops.contains(where: { $0.count > length && $0.starts(with: held[(held.count - length)...]) }) {
            return length
        }
        return 0
    }
}
