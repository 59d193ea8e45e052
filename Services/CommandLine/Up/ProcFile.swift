import Foundation

/// Files of /proc, whose size nobody knows before they have been read.
enum ProcFile {
    /// All of a file: `String(contentsOfFile:)` ends after the first page of what says that it is empty. Empty where it cannot be read.
    static func text(_ path: String) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "" }
        defer { try? file.close() }
        var bytes = Data()
        while let part = try? file.read(upToCount: 1 << 16), !part.isEmpty { bytes += part }
        return String(decoding: bytes, as: UTF8.self)
    }
}
