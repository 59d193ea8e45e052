import Foundation

/// Replaces files so that after a crash the old or the new content is there, never a part.
enum DurableFile {
    /// Writes a temporary file beside `path`, flushes it to the disk and renames it. Blocks.
    static func replace(_ path: String, with bytes: [UInt8]) throws(ProfileDirectory.Problem) {
        let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let error = failure(path)
                close(descriptor)
                unlink(temporary)
                throw error
            }
            written += count
        }
        let flushed = fsync(descriptor) == 0
        let problem = failure(path)
        close(descriptor)
        guard flushed, rename(temporary, path) == 0 else {
            let error = flushed ? failure(path) : problem
            unlink(temporary)
            throw error
        }
        flushDirectory(of: path)
    }

    /// Makes the new name durable; where that is not possible the old file may come back after a power cut.
    private static func flushDirectory(of path: String) {
        let descriptor = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static func failure(_ path: String) -> ProfileDirectory.Problem {
        ProfileDirectory.Problem(message: "\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
