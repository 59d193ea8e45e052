import Foundation
import Glibc

/// A file that one process holds at a time, for as long as the process lives.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock; `busy` says what another process that holds it means.
    ///
    /// - Throws: `busy`, or why the file cannot be made.
    init(_ path: String, busy: String) throws {
        // Processes that this one starts do not get it.
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.failed, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            throw Failure(
                .failed, reason == EWOULDBLOCK ? busy : "cannot lock \(path): \(String(cString: strerror(reason)))")
        }
    }

    deinit { close(descriptor) }
}
