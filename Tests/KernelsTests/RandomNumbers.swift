/// A seeded generator (SplitMix64), so that every run tests the same numbers.
struct RandomNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func floats(_ count: Int, within limit: Float = 1) -> [Float] {
        (0..<count).map { _ in Float.random(in: -limit...limit, using: &self) }
    }
}

/// The bits of numbers, all NaN alike: which NaN comes out is not defined.
func bits(_ numbers: [Float]) -> [UInt32] {
    numbers.map { $0.isNaN ? 0x7FC0_0000 : $0.bitPattern }
}
