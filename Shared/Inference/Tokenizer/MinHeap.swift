/// A binary heap of numbers.
struct MinHeap {
    private var items: [UInt64] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func insert(_ item: UInt64) {
        items.append(item)
        var index = items.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            if items[parent] <= item { break }
            items[index] = items[parent]
            index = parent
        }
        items[index] = item
    }

    mutating func popMinimum() -> UInt64? {
        guard let first = items.first, let last = items.popLast() else { return nil }
        let count = items.count
        if count == 0 { return first }
        var index = 0
        while true {
            var child = 2 * index + 1
            guard child < count else { break }
            if child + 1 < count, items[child + 1] < items[child] { child += 1 }
            if items[child] >= last { break }
            items[index] = items[child]
            index = child
        }
        items[index] = last
        return first
    }
}
