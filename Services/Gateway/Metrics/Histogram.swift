/// A Prometheus histogram: counts per bucket, not cumulated until written.
struct Histogram: Sendable {
    private let bounds: [Double]
    private var counts: [Int]
    /// The sum of all values.
    private(set) var sum = 0.0

    /// Makes an empty histogram with ascending upper bounds.
    init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Adds one value `count` times.
    mutating func observe(_ value: Double, count: Int = 1) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts[index] += count
        sum += value * Double(count)
    }

    /// Writes buckets, sum and count.
    func write(_ name: String, _ help: String, labels: String, to text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        var total = 0
        for (bound, count) in zip(bounds, counts) {
            total += count
            text += "\(name)_bucket{le=\"\(bound)\",\(labels)} \(total)\n"
        }
        total += counts[bounds.count]
        text += "\(name)_bucket{le=\"+Inf\",\(labels)} \(total)\n"
        text += "\(name)_sum{\(labels)} \(sum)\n\(name)_count{\(labels)} \(total)\n"
    }
}

/// The bucket boundaries of vLLM, so that its dashboards work unmodified; seconds or tokens.
enum Buckets {
    static let firstToken: [Double] = [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
        2560,
    ]
    static let tokenGap: [Double] = [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ]
    static let latency: [Double] = [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ]
    static let tokens: [Double] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100_000,
    ]
    static let parallel: [Double] = [1, 2, 5, 10, 20]
}
