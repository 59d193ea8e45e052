internal import Glibc

/// Memory that this process has in RAM.
public enum ResidentMemory {
    /// The most since the process started, in bytes.
    public static var peakBytes: Int {
        var usage = rusage()
        guard getrusage(numericCast(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return usage.ru_maxrss * 1024
    }
}
