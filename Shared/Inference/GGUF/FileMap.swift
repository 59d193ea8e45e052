internal import Glibc
internal import Kernels

/// A file mapped into memory, read-only.
///
/// Unchecked: the map is never written and lives as long as this object, so that threads can read it at once.
/// A file must not be truncated while it is mapped: a process that reads pages that are gone ends with a line that names the
/// file, and exit code 74 (`E2_MAP_FAULT_EXIT`).
@safe final class FileMap: @unchecked Sendable {
    let count: Int
    private let base: UnsafeRawPointer
    private let watch: Int32

    init(path: String) throws {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("cannot open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("cannot examine", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InferenceError(.fileAccess, "\(path) is not a regular file")
        }
        guard status.st_size > 0 else { throw InferenceError(.invalidFile, "\(path) is empty") }
        count = Int(status.st_size)
        guard let base = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), unsafe base != MAP_FAILED
        else {
            throw Self.failure("cannot map", path)
        }
        unsafe self.base = UnsafeRawPointer(base)
        watch = unsafe e2_map_watch(base, count, path)
    }

    deinit {
        e2_map_forget(watch)
        unsafe munmap(UnsafeMutableRawPointer(mutating: base), count)
    }

    /// A little-endian number; the caller has checked that it lies inside the file.
    func load<Number: FixedWidthInteger>(_: Number.Type, at offset: Int) -> Number {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Number>.size, "the range was checked")
        return unsafe Number(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }

    /// Bytes of the file, valid while this object lives; the caller has checked that they lie inside.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range was checked")
        return unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Gives whole pages inside a range back to the system; reading them again loads them from the file.
    func releasePages(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard start < end, end <= count else { return }
        unsafe madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }

    private static func failure(_ what: String, _ path: String) -> InferenceError {
        InferenceError(.fileAccess, unsafe "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
