/// Events in the order of their times; events of one time in the order in which they were added.
struct EventCalendar<Event> {
    private struct Entry {
        var time: Double
        var number: UInt64
        var event: Event

        func isBefore(_ other: Entry) -> Bool { (time, number) < (other.time, other.number) }
    }

    private var heap: [Entry] = []
    private var added: UInt64 = 0

    /// When the next event happens; `nil` where nothing is to come.
    var nextTime: Double? { heap.first?.time }

    /// Puts an event in.
    mutating func add(_ event: Event, at time: Double) {
        added += 1
        heap.append(Entry(time: time, number: added, event: event))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the next event out.
    mutating func next() -> (time: Double, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return (first.time, first.event) }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].isBefore(heap[least]) { least = child }
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.time, first.event)
    }
}
