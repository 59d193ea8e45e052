import Domain
import Foundation

/// When requests are sent.
struct ServeTraffic: Sendable, Hashable {
    /// Requests per second; infinite: all at once.
    var requestRate: Double = .infinity
    /// Shape of the gamma distribution of gaps; 1 is a Poisson process.
    var burstiness: Double = 1
    /// Most requests under way at a time.
    var maxConcurrency: Int?
    /// Decides the gaps.
    var seed: UInt64 = 0

    /// Seconds from the start at which each request is due.
    ///
    /// As in vLLM the gaps are scaled so that all requests together take exactly the time that the rate says: a few
    /// requests would otherwise be far from it.
    func moments(count: Int) -> [Double] {
        guard requestRate.isFinite else { return [Double](repeating: 0, count: count) }
        // Another sequence than that of the prompts.
        var random = SeededRandom(seed: seed ^ 0xA11A_0000_0000_0000)
        var moments: [Double] = []
        var now = 0.0
        for _ in 0..<count {
            now += Self.gamma(shape: burstiness, &random)
            moments.append(now)
        }
        let scale = now > 0 ? Double(count) / requestRate / now : 0
        return moments.map { $0 * scale }
    }

    /// A value of the gamma distribution with scale 1 (Marsaglia and Tsang).
    private static func gamma(shape: Double, _ random: inout SeededRandom) -> Double {
        guard shape >= 1 else {
            return gamma(shape: shape + 1, &random) * pow(1 - random.fraction(), 1 / shape)
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let normal = (-2 * log(1 - random.fraction())).squareRoot() * cos(2 * .pi * random.fraction())
            let v = pow(1 + c * normal, 3)
            if v > 0, log(1 - random.fraction()) < normal * normal / 2 + d - d * v + d * log(v) { return d * v }
        }
    }
}
