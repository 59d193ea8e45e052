import Foundation

/// Why a process ended, in its own words.
enum RefusalReason {
    /// The length of a file; 0 where there is none.
    static func end(of path: String) -> UInt64 {
        guard let handle = FileHandle(forReadingAtPath: path) else { return 0 }
        return (try? handle.seekToEnd()) ?? 0
    }

    /// The reason in what a process wrote to a file from `start` on.
    static func read(_ path: String, from start: UInt64) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path), (try? handle.seek(toOffset: start)) != nil,
            let data = try? handle.read(upToCount: 1 << 16)
        else { return nil }
        return find(in: String(decoding: data, as: UTF8.self))
    }

    /// The last line that calls itself an error, without that word, or the last line with text.
    static func find(in output: String) -> String? {
        let lines = output.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard let line = lines.last(where: { $0.lowercased().hasPrefix("error:") }) else { return lines.last }
        return line.dropFirst("error:".count).trimmingCharacters(in: .whitespaces)
    }
}
