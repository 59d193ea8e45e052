public import Simulation

/// A capacity search on real devices: from what its runs gave follows the rate of the next one, or the capacity.
///
/// ```
/// nothing known -> guess -> bounded: faster, until one is not   -> between both, until they are close or runs are used up
///                        -> growing: slower, until one is bounded -^
/// ```
public struct LiveCapacity: Sendable, Hashable {
    /// What a run gave.
    public struct Outcome: Codable, Sendable, Hashable {
        /// Requests per second.
        public var rate: Double
        /// Whether its queues stayed bounded.
        public var isBounded: Bool

        /// Makes an outcome.
        public init(rate: Double, isBounded: Bool) {
            self.rate = rate
            self.isBounded = isBounded
        }

        /// Judges a run of requests at equal intervals. Of a short run one request more in the queue says nothing.
        public init(_ record: RunRecord) {
            let half = max(1, record.requests.count / 2)
            let isServed = record.requests.allSatisfy { $0.outcome == .finished }
            self.init(
                rate: record.rate,
                isBounded: isServed && record.backlogGrowth <= max(CapacitySearch().mostGrowth, 1.5 / Double(half)))
        }
    }

    /// Factor by which a bound is looked for.
    private static let widening = 1.5

    /// The rate of the first run.
    public var guess: Double
    /// Relative width at which the search ends.
    public var precision: Double
    /// Most runs.
    public var mostRuns: Int
    /// What runs gave so far.
    public var outcomes: [Outcome] = []

    /// Makes a search that has not begun.
    public init(guess: Double, precision: Double, mostRuns: Int) {
        self.guess = guess
        self.precision = precision
        self.mostRuns = mostRuns
    }

    /// The least rate at which queues grew.
    private var high: Double? { outcomes.filter { !$0.isBounded }.map(\.rate).min() }
    /// The largest rate below it at which they did not.
    private var low: Double? {
        outcomes.filter { $0.isBounded && $0.rate < high ?? .infinity }.map(\.rate).max()
    }

    /// The rate of the next run; `nil` where the search has ended.
    public var next: Double? {
        guard outcomes.count < mostRuns else { return nil }
        switch (low, high) {
        case (nil, nil): return guess
        case (let low?, nil): return low * Self.widening
        case (nil, let high?): return high / Self.widening
        case (let low?, let high?): return high / low > 1 + precision ? (low * high).squareRoot() : nil
        }
    }

    /// The largest rate at which queues stayed bounded; `nil` where there was none.
    public var capacity: Double? { low }
}
