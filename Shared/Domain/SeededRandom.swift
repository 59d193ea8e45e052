/// A small seeded generator: the same numbers for a seed on every machine and with every version of Swift.
///
/// The bits are those of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). What
/// is drawn from them is drawn here: the standard library does not promise to keep how it does that.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Makes a generator.
    public init(seed: UInt64) { state = seed }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<1`, a multiple of 2^-53.
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A whole number in `0..<bound`, each equally likely; 0 where the bound is not positive.
    ///
    /// The upper half of the product of 64 random bits and the bound. Of the products with one upper half, 2^64 modulo
    /// bound are too many for some of them: those with the smallest lower halves are drawn again (Lemire, "Fast random
    /// integer generation in an interval", 2019).
    public mutating func below(_ bound: Int) -> Int {
        let bound = UInt64(max(1, bound))
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let surplus = (0 &- bound) % bound
            while product.low < surplus { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// One element, each equally likely; `nil` only from an empty list. Draws nothing then.
    public mutating func element<Element>(of list: [Element]) -> Element? {
        list.isEmpty ? nil : list[below(list.count)]
    }

    /// The list in another order, each equally likely: from the first place on, every place gets one of what is left.
    public mutating func shuffled<Element>(_ list: [Element]) -> [Element] {
        var list = list
        for place in list.indices.dropLast() { list.swapAt(place, place + below(list.count - place)) }
        return list
    }
}
