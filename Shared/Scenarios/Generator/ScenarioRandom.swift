internal import Domain
internal import Foundation

/// What generated fleets and streams are drawn with: the numbers of `SeededRandom`, spread in ways of its own. Fleets and
/// streams are named by their seeds, so none of these ways may change.
struct ScenarioRandom: Sendable {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// A number in `0..<1`.
    mutating func unit() -> Double { random.unit() }
    /// A number in `low..<high`.
    mutating func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }
    /// A whole number in `range`; of ranges of more than 2^53 numbers not every one.
    mutating func whole(_ range: ClosedRange<Int>) -> Int {
        min(range.upperBound, range.lowerBound + Int(unit() * Double(range.count)))
    }
    /// One element; `nil` only from an empty list.
    mutating func element<Element>(_ list: [Element]) -> Element? {
        list.isEmpty ? nil : list[whole(0...list.count - 1)]
    }
    /// The list in another order.
    mutating func shuffled<Element>(_ list: [Element]) -> [Element] {
        var list = list
        for last in list.indices.dropFirst().reversed() { list.swapAt(last, whole(0...last)) }
        return list
    }
    /// An index into `weights`, each as likely as its weight among all.
    mutating func index(weights: [Double]) -> Int {
        var left = unit() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            left -= weight
            if left < 0 { return index }
        }
        return max(0, weights.count - 1)
    }
    /// An exponential number of mean 1.
    mutating func exponential() -> Double { -log(1 - unit()) }
    /// A standard normal number (Box and Muller).
    mutating func normal() -> Double { (2 * exponential()).squareRoot() * cos(2 * Double.pi * unit()) }
}
