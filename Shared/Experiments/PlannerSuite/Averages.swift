internal import Foundation

/// Aggregates of lists of numbers; `nil` for an empty list.
enum Averages {
    /// The geometric mean; 0 where one of the numbers is 0.
    static func geometricMean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : exp(values.reduce(0) { $0 + log($1) } / Double(values.count))
    }

    /// The median; the mean of the middle two of an even number.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The share of the numbers for which something holds.
    static func share(_ values: [Double], _ holds: (Double) -> Bool) -> Double? {
        values.isEmpty ? nil : Double(values.count(where: holds)) / Double(values.count)
    }
}
