internal import Kernels

/// Memory for the packed weights of a stage; hands out aligned pieces and keeps them until the stage ends.
final class WeightArena {
    private let memory: AlignedMemory
    private var used = 0

    init(bytes: Int) throws { memory = try AlignedMemory(bytes: bytes) }

    /// Bytes of all weights.
    var bytes: Int { memory.count }

    /// Bytes that a piece takes in an arena.
    static func padded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

    /// The next piece of `count` bytes; the arena was made large enough for all pieces.
    func take(_ count: Int) -> UnsafeMutableRawPointer {
        let piece = memory.base + used
        used += Self.padded(count)
        precondition(used <= memory.count, "the weight arena was sized too small")
        return piece
    }
}
