import Glibc
import Synchronization

/// The time between a service reading its settings and beginning to run. A service that fails in it fails again at every
/// start, until somebody changes its settings; its exit code tells those who keep it running.
public enum ConfigurationPhase {
    /// EX_CONFIG of sysexits.h.
    public static let exitCode: Int32 = 78

    private static let isOpen = Atomic(false)
    private static let isWatched = Atomic(false)

    /// From now on an exit for failure is one for the configuration.
    static func begin() {
        isOpen.store(true, ordering: .relaxed)
        guard !isWatched.exchange(true, ordering: .relaxed) else { return }
        // Commands turn every error into one exit code at a place of their library's; it is told apart here.
        _ = on_exit(
            { status, _ in
                guard status == EXIT_FAILURE, ConfigurationPhase.isOpen.load(ordering: .relaxed) else { return }
                fflush(nil)
                _exit(ConfigurationPhase.exitCode)
            }, nil)
    }

    /// The services run: what fails now may work at another time.
    static func end() { isOpen.store(false, ordering: .relaxed) }
}
