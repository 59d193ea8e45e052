/// One token that may be drawn, with its logit.
struct Candidate: Hashable {
    var token: Int32
    var logit: Float

    /// Whether this candidate ranks above `other`: the larger logit, among equal ones the lower token.
    @inline(__always)
    func isAbove(_ other: Candidate) -> Bool {
        logit > other.logit || (logit == other.logit && token < other.token)
    }
}

/// Chooses the best `count` candidates of a whole vocabulary without sorting it.
enum TopSelection {
    /// The `count` highest logits, best first; tokens with a NaN or `-inf` logit are never chosen.
    ///
    /// One pass with a heap whose root is the worst candidate kept: almost every token costs one comparison.
    static func best(_ count: Int, of logits: Span<Float>) -> [Candidate] {
        guard count > 0 else { return [] }
        var heap: [Candidate] = []
        heap.reserveCapacity(min(count, logits.count))
        for index in 0..<logits.count {
            let logit = logits[index]
            if heap.count == count {
                guard logit > heap[0].logit else { continue }
                heap[0] = Candidate(token: Int32(index), logit: logit)
                siftDown(&heap)
            } else if logit > -.infinity {
                heap.append(Candidate(token: Int32(index), logit: logit))
                siftUp(&heap)
            }
        }
        return heap.sorted { $0.isAbove($1) }
    }

    private static func siftUp(_ heap: inout [Candidate]) {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[parent].isAbove(heap[child]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private static func siftDown(_ heap: inout [Candidate]) {
        var parent = 0
        while true {
            var worst = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < heap.count && heap[worst].isAbove(heap[child]) {
                worst = child
            }
            if worst == parent { return }
            heap.swapAt(worst, parent)
            parent = worst
        }
    }
}
