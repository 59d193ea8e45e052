internal import Glibc

/// How many layers are measured together, so that their weights come from where those of a stage come from.
///
/// A stage reads all of its layers in every step; two of them over and over would be read from the processor's caches.
enum WorkingSet {
    /// Bytes of the largest cache of this processor, as the system tells it; `usual` where it does not.
    static func cacheBytes() -> Int {
        var largest = 0
        for name in [_SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE, _SC_LEVEL4_CACHE_SIZE] {
            largest = max(largest, sysconf(Int32(name)))
        }
        return largest > 0 ? largest : usual
    }

    /// More than single boards have, whose systems often do not tell.
    static let usual = 16 << 20

    /// Most bytes of weights that are loaded for a measurement: more takes longer to load than it is worth.
    static let mostBytes = 512 << 20

    /// Layers whose weights are twice as large as the caches: at least `least`, and no more than the model has or than
    /// a quarter of `memoryBytes` holds beyond these: the worker of the other phase lives beside this one.
    static func layers(least: Int, of model: Int, bytesPerLayer: Int, cacheBytes: Int, memoryBytes: Int) -> Int {
        let perLayer = max(bytesPerLayer, 1)
        let wanted = (2 * cacheBytes + perLayer - 1) / perLayer
        let room = min(memoryBytes / 4, mostBytes) / perLayer
        return max(min(least, model), min(wanted, room, model), 1)
    }
}

/// Memory that is read to have everything else leave the processor's caches.
final class CacheFlush {
    private let memory: AlignedMemory
    private(set) var sum: UInt64 = 0

    init(cacheBytes: Int, memoryBytes: Int) throws {
        memory = try AlignedMemory(bytes: max(0, min(2 * cacheBytes, memoryBytes / 4, WorkingSet.mostBytes)))
        unsafe memset(memory.base, 1, memory.count)
    }

    /// Reads all of it.
    func run() {
        let words = memory.count / 8
        let base = unsafe memory.base.assumingMemoryBound(to: UInt64.self)
        var total: UInt64 = 0
        for index in stride(from: 0, to: words, by: 8) { unsafe total &+= base[index] }
        sum &+= total
    }
}
