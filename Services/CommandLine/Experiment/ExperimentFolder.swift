import Experiments
import Foundation

/// The folder of an experiment's report.
struct ExperimentFolder {
    private let folder: URL

    /// Creates it where it is missing.
    init(_ path: String) throws {
        folder = URL(fileURLWithPath: path)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(.failed, "--output \(path): \(error.localizedDescription)")
        }
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        do {
            try Data(bytes).write(to: folder.appending(path: name), options: .atomic)
        } catch {
            throw Failure(.failed, "\(name) cannot be written: \(error.localizedDescription)")
        }
    }

    /// A progress line on standard error.
    static func tell(_ progress: ExperimentProgress) {
        let line = "\r[\(progress.done)/\(progress.total)] \(progress.last)\u{1b}[K"
        FileHandle.standardError.write(Data((line + (progress.done == progress.total ? "\n" : "")).utf8))
    }
}
