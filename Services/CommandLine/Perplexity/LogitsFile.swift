import Foundation
import Inference

/// Writes rows of logits where `ScoredLogitsLayout` wants them.
struct LogitsFile {
    private let handle: FileHandle
    private let layout: ScoredLogitsLayout
    private let path: String

    init(path: String, layout: ScoredLogitsLayout) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw Failure(.failed, "cannot write \(path)") }
        self.handle = handle
        self.layout = layout
        self.path = path
        try reporting { try handle.write(contentsOf: layout.header) }
    }

    func write(_ row: Perplexity.Row, _ logits: Span<Float>) throws {
        try reporting {
            try handle.seek(toOffset: UInt64(layout.offset(of: row)))
            try handle.write(contentsOf: logits.withUnsafeBytes { Data($0) })
        }
    }

    func close() throws { try reporting { try handle.close() } }

    private func reporting(_ body: () throws -> Void) throws {
        do { try body() } catch { throw Failure(.failed, "cannot write \(path): \(error)") }
    }
}
