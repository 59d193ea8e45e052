internal import Glibc

/// Memory for packed weights that are loaded together; hands out aligned pieces, which live as long as it does or until they
/// are given back.
final class WeightArena {
    /// Bytes of a page, the smallest piece of memory that can be given back.
    static let page = 4096

    private let memory: AlignedMemory
    /// Bytes that have been handed out.
    private(set) var used = 0

    init(bytes: Int) throws { memory = try AlignedMemory(bytes: bytes) }

    /// Bytes of all weights.
    var bytes: Int { memory.count }

    /// Bytes that a piece takes in an arena.
    static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

    /// Bytes of pages that so many bytes touch.
    static func pages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

    /// Begins the next piece on a page of its own; says where.
    func alignToPage() -> Int {
        used = Self.pages(used)
        return used
    }

    /// Gives memory back that nobody reads any more: the whole pages of a range that began on a page.
    func release(_ range: Range<Int>) {
        let end = min(Self.pages(range.upperBound), memory.count)
        guard range.lowerBound < end else { return }
        unsafe madvise(memory.base + range.lowerBound, end - range.lowerBound, MADV_DONTNEED)
    }

    /// The next piece of `count` bytes; the arena was made large enough for all pieces.
    func take(_ count: Int) -> UnsafeMutableRawPointer {
        let piece = unsafe memory.base + used
        used += Self.padded(count)
        precondition(used <= memory.count, "the weight arena was sized too small")
        return unsafe piece
    }
}
