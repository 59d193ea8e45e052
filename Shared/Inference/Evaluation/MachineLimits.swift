internal import Kernels

/// What this machine can do at most, measured on the instruction set in use.
public struct MachineLimits: Sendable, Hashable {
    /// Billions of int8 multiply-adds per second.
    public var peakGMACs: Double
    /// Billions of bytes read per second from a buffer of the size that was asked for.
    public var readGBPerSecond: Double

    /// Measures both with `threads` threads; `bytes` should be what a decode step reads, so that caches play the same
    /// part. Takes about a tenth of a second and `bytes` bytes of memory.
    public static func measure(threads: Int, bytes: Int) -> MachineLimits {
        let threads = Int32(clamping: max(threads, 1))
        return MachineLimits(
            peakGMACs: e2_peak_gmacs(threads), readGBPerSecond: e2_read_gb_per_s(threads, max(bytes, 1)))
    }
}
