extension RunRecord {
    /// How much longer the queue was at the last arrival than at half of the arrivals, as a share of the requests that arrived
    /// between: 0 where it does not grow, 1 where nothing was served.
    public var backlogGrowth: Double {
        guard requests.count > 1 else { return 0 }
        let (half, last) = (requests[requests.count / 2].arrival, requests[requests.count - 1].arrival)
        func open(_ time: Double) -> Int {
            requests.count { request in
                request.arrival <= time && request.outcome != .refused && (request.end ?? .infinity) > time
            }
        }
        let arrived = requests.count { $0.arrival > half }
        guard arrived > 0 else { return 0 }
        return max(0, Double(open(last) - open(half)) / Double(arrived))
    }
}

/// The largest rate at which a system's queues stay bounded.
public struct CapacitySearch: Sendable {
    /// Growth of the backlog up to which queues count as bounded.
    public var mostGrowth = 0.05
    /// Relative width at which the search ends.
    public var precision = 0.02

    /// Makes a search.
    public init() {}

    /// Searches between rates; `run` simulates one. Returns `low` where that is too much already.
    public func capacity(
        from guess: Double, run: (Double) throws(SimulationError) -> RunRecord
    ) throws(SimulationError) -> Double {
        func isBounded(_ rate: Double) throws(SimulationError) -> Bool {
            let record = try run(rate)
            let isServed = !record.requests.contains { $0.outcome == .open }
            return isServed && record.backlogGrowth <= mostGrowth
        }
        var low = guess
        var high = guess
        if try isBounded(guess) {
            repeat {
                low = high
                high *= 1.25
            } while try isBounded(high) && high < 100 * guess
        } else {
            repeat {
                high = low
                low *= 0.75
            } while try !isBounded(low) && low > guess / 100
        }
        while high / low > 1 + precision {
            let middle = (low * high).squareRoot()
            if try isBounded(middle) { low = middle } else { high = middle }
        }
        return low
    }
}
