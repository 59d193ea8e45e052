/// Random numbers that depend on nothing but a seed and a counter.
///
/// A continued request must draw the same numbers wherever and whenever it is continued, so there is no generator state:
/// number `counter` of the stream `seed` is the splitmix64 output function (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014) of `mix(seed) + (counter + 1) * 0x9E3779B97F4A7C15`. The seed is mixed first so
/// that neighbouring seeds do not share shifted streams.
public enum CounterRandom {
    private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// 64 random bits.
    public static func bits(seed: UInt64, counter: UInt64) -> UInt64 {
        mix(mix(seed) &+ (counter &+ 1) &* golden)
    }

    /// A number in `0..<1` with 53 random bits.
    public static func uniform(seed: UInt64, counter: UInt64) -> Double {
        Double(bits(seed: seed, counter: counter) >> 11) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
