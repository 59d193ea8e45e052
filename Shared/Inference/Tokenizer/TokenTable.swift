/// Finds numbers by the bytes they stand for: an open-addressing table over one buffer.
///
/// Built for vocabularies of several hundred thousand entries, for which a dictionary of arrays is slow to fill. The hash
/// is seeded at random, so that a hostile file cannot aim at collisions.
struct TokenTable: Sendable {
    private var storage: [UInt8] = []
    private var ends: [Int] = []
    private var ids: [Int32] = []
    private var slots: [Int32]
    private let seed: UInt64

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: -1, count: size)
        seed = UInt64.random(in: .min ... .max) | 1
        ends.reserveCapacity(capacity)
        ids.reserveCapacity(capacity)
    }

    /// The number of some bytes.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int32? {
        let entry = unsafe slots[slot(key)]
        return entry < 0 ? nil : ids[Int(entry)]
    }

    /// The number of some bytes.
    func find(_ key: [UInt8]) -> Int32? { unsafe key.withUnsafeBufferPointer { unsafe find($0) } }

    /// Gives some bytes a number unless they have one; returns the number they have then.
    @discardableResult
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>, _ id: Int32) -> Int32 {
        let place = unsafe slot(key)
        if slots[place] >= 0 { return ids[Int(slots[place])] }
        slots[place] = Int32(ids.count)
        unsafe storage.append(contentsOf: key)
        ends.append(storage.count)
        ids.append(id)
        if ids.count * 2 > slots.count { grow() }
        return id
    }

    /// Gives some bytes a number unless they have one; returns the number they have then.
    @discardableResult
    mutating func insert(_ key: [UInt8], _ id: Int32) -> Int32 {
        unsafe key.withUnsafeBufferPointer { unsafe insert($0, id) }
    }

    private func range(_ entry: Int) -> Range<Int> { (entry == 0 ? 0 : ends[entry - 1])..<ends[entry] }

    /// The slot that holds the key, or the empty one where it belongs.
    private func slot(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        let mask = slots.count - 1
        var place = unsafe Int(truncatingIfNeeded: hash(key)) & mask
        while slots[place] >= 0, unsafe !equals(Int(slots[place]), key) { place = (place + 1) & mask }
        return place
    }

    private func equals(_ entry: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let range = range(entry)
        guard range.count == key.count else { return false }
        for index in 0..<key.count where unsafe storage[range.lowerBound + index] != key[index] { return false }
        return true
    }

    private func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var value = seed
        for index in key.indices {
            let byte = unsafe key[index]
            value = (value ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15
            value ^= value >> 29
        }
        return (value &* seed) >> 20
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        unsafe storage.withUnsafeBufferPointer { bytes in
            for entry in ids.indices {
                let place = unsafe slot(UnsafeBufferPointer(rebasing: bytes[range(entry)]))
                slots[place] = Int32(entry)
            }
        }
    }
}
