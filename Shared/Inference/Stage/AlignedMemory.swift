internal import Glibc

/// Anonymous memory of a fixed size, aligned to pages and zero at first; pages count as resident once touched.
///
/// Large pieces ask for huge pages: reading weights and KV cache then misses the translation buffer less.
@safe final class AlignedMemory {
    private static let hugeFrom = 8 << 20

    /// The first byte.
    let base: UnsafeMutableRawPointer
    /// Bytes that can be used.
    let count: Int

    init(bytes: Int) throws {
        guard bytes >= 0,
            let mapped = unsafe mmap(
                nil, max(bytes, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            unsafe mapped != MAP_FAILED
        else {
            throw InferenceError(.outOfMemory, "cannot map \(bytes) bytes of memory")
        }
        if bytes >= Self.hugeFrom { unsafe madvise(mapped, bytes, MADV_HUGEPAGE) }
        unsafe base = unsafe mapped
        count = bytes
    }

    /// Gives the whole pages of a part back to the system; what was in them is lost.
    func release(offset: Int, bytes: Int) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = (offset + page - 1) / page * page
        let end = (offset + bytes) / page * page
        if end > start { unsafe madvise(base + start, end - start, MADV_DONTNEED) }
    }

    deinit { unsafe munmap(base, max(count, 1)) }
}
