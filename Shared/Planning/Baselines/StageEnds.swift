/// Orders of a chain of neighbours that differ in their first and last stage, which hold embedding and LM head besides; the
/// chain itself comes first.
struct StageEnds: Sequence, IteratorProtocol {
    private let chain: [Int]
    private var first = 0
    private var last: Int

    init(_ chain: [Int]) {
        self.chain = chain
        last = chain.count - 1
    }

    mutating func next() -> [Int]? {
        guard first < chain.count else { return nil }
        if chain.count == 1 {
            first = 1
            return chain
        }
        var order = chain
        let ends = (order[first], order[last])
        order.remove(at: Swift.max(first, last))
        order.remove(at: Swift.min(first, last))
        order.insert(ends.0, at: 0)
        order.append(ends.1)
        advance()
        return order
    }

    private mutating func advance() {
        last -= 1
        if last == first { last -= 1 }
        if last < 0 {
            first += 1
            last = chain.count - 1
            if last == first { last -= 1 }
        }
    }
}
