internal import Glibc
internal import Kernels

/// Memory that this process has in RAM.
public enum ResidentMemory {
    /// From now on large blocks go back to the system when they are freed; for processes that live long within a limit.
    public static func returnLargeBlocks() { e2_return_large_blocks() }

    /// The most since the process started, in bytes.
    public static var peakBytes: Int {
        var usage = rusage()
        guard unsafe getrusage(numericCast(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return usage.ru_maxrss * 1024
    }
}
