internal import Glibc

/// Anonymous memory of a fixed size, aligned to pages and zero at first; pages count as resident once touched.
///
/// Large pieces ask for huge pages: reading weights and KV cache then misses the translation buffer less.
final class AlignedMemory {
    private static let hugeFrom = 8 << 20

    /// The first byte.
    let base: UnsafeMutableRawPointer
    /// Bytes that can be used.
    let count: Int

    init(bytes: Int) throws {
        guard bytes >= 0,
            let mapped = mmap(
                nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            mapped != MAP_FAILED
        else {
            throw InferenceError(.outOfMemory, "cannot map \(bytes) bytes of memory")
        }
        if bytes >= Self.hugeFrom { madvise(mapped, bytes, MADV_HUGEPAGE) }
        base = mapped
        count = bytes
    }

    deinit { munmap(base, max(count, 1)) }
}
