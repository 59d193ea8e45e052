/// Finds special tokens in text: the leftmost one, the longest of those that start at one place.
struct SpecialTokenMatcher: Sendable {
    private var table: TokenTable
    /// Lengths of the tokens that start with a byte, longest first.
    private var lengths: [[Int]] = Array(repeating: [], count: 256)

    init(_ vocabulary: Vocabulary) {
        var table = TokenTable(capacity: 64)
        var found: [Set<Int>] = Array(repeating: [], count: 256)
        unsafe vocabulary.forEachText { id, text in
            let type = vocabulary.type(id)
            guard let first = unsafe text.first, type.isControl || type == .userDefined else { return }
            unsafe table.insert(Array(text), id)
            found[Int(first)].insert(text.count)
        }
        self.table = table
        for byte in found.indices { lengths[byte] = found[byte].sorted(by: >) }
    }

    /// Calls `text` and `token` with the parts of a text, in order; only tokens that `accept` takes at their place count.
    func split(
        _ bytes: UnsafeBufferPointer<UInt8>, accept: (Int32, Range<Int>) -> Bool,
        text: (UnsafeBufferPointer<UInt8>) -> Void, token: (Int32) -> Void
    ) {
        var start = 0
        var index = 0
        while index < bytes.count {
            guard let (id, length) = unsafe match(bytes, index, accept) else {
                index += 1
                continue
            }
            if start < index { unsafe text(UnsafeBufferPointer(rebasing: bytes[start..<index])) }
            token(id)
            index += length
            start = index
        }
        if start < bytes.count { unsafe text(UnsafeBufferPointer(rebasing: bytes[start...])) }
    }

    private func match(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ accept: (Int32, Range<Int>) -> Bool
    ) -> (Int32, Int)? {
        for length in unsafe lengths[Int(bytes[index])] where length <= bytes.count - index {
            let range = index..<index + length
            if let id = unsafe table.find(UnsafeBufferPointer(rebasing: bytes[range])), accept(id, range) {
                return (id, length)
            }
        }
        return nil
    }
}
