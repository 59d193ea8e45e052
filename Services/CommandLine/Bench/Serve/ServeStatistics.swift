/// Mean, spread and percentiles of some values, as NumPy defines them.
struct ServeStatistics: Sendable, Hashable {
    private let sorted: [Double]

    /// Takes values in any order.
    init(_ values: [Double]) { sorted = values.sorted() }

    /// The mean; 0 of no values.
    var mean: Double { sorted.isEmpty ? 0 : sorted.reduce(0, +) / Double(sorted.count) }

    /// The standard deviation of all values (not of a sample).
    var deviation: Double {
        guard !sorted.isEmpty else { return 0 }
        let mean = mean
        return (sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sorted.count)).squareRoot()
    }

    /// The median.
    var median: Double { percentile(50) }

    /// A percentile, interpolated between neighbours.
    func percentile(_ percent: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = percent / 100 * Double(sorted.count - 1)
        let index = Int(place)
        guard index + 1 < sorted.count else { return last }
        return sorted[index] + (sorted[index + 1] - sorted[index]) * (place - Double(index))
    }
}
