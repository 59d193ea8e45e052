internal import Foundation

/// A small seeded generator (SplitMix64): the same numbers on every machine for a seed.
struct ScenarioRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<1`.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    /// A number in `low..<high`.
    mutating func between(_ low: Double, _ high: Double) -> Double { low + (high - low) * unit() }
    /// A whole number in `range`.
    ///
    /// Not the standard library's: what that draws for a seed may change with its version.
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
