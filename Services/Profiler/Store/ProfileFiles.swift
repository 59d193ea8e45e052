import Dispatch
import Logging

/// Reads and writes measurements on a queue of its own, one after the other: a slow disk must not hold up heartbeats.
final class ProfileFiles: Sendable {
    private let directory: ProfileDirectory
    private let disk = DispatchQueue(label: "profiles")
    private let logger: Logger

    init(directory: String, logger: Logger) {
        self.directory = ProfileDirectory(path: directory)
        self.logger = logger
    }

    /// Serving goes on where nothing can be kept; then a restart measures again.
    func keep(_ save: @escaping @Sendable (ProfileDirectory) throws(ProfileDirectory.Problem) -> Void) {
        disk.async { [directory, logger] in
            do throws(ProfileDirectory.Problem) { try save(directory) } catch {
                logger.warning("a measurement is not kept, a restart will measure again: \(error.message)")
            }
        }
    }

    /// Everything that is on disk.
    func load() async -> StoredProfiles {
        let (profiles, problems) = await withCheckedContinuation { continuation in
            disk.async { [directory] in continuation.resume(returning: directory.load()) }
        }
        for problem in problems { logger.warning("\(problem.message)") }
        logger.info(
            "\(profiles.devices.count) device and \(profiles.links.count) link measurements are in \(directory.path)")
        return profiles
    }

    /// Waits until everything is written.
    func flush() async { await withCheckedContinuation { continuation in disk.async { continuation.resume() } } }
}
