internal import Domain

/// The fitted decode time of one layer: `A + B * sum(context) + C * batch`, with one set of coefficients up to a batch
/// knee (bound by memory bandwidth) and one above it (bound by arithmetic).
public struct DecodeFit: Sendable, Hashable {
    /// Coefficients of one regime; none negative.
    public struct Regime: Sendable, Hashable {
        /// Seconds of any step.
        public var constant: Double
        /// Seconds per token of context, over all sequences.
        public var perContextToken: Double
        /// Seconds per sequence.
        public var perSequence: Double

        func seconds(batch: Double, contextSum: Double) -> Double {
            constant + perContextToken * contextSum + perSequence * batch
        }
    }

    /// The largest batch of the lower regime; `Int.max` where one regime explains all samples.
    public let knee: Int
    /// Coefficients up to the knee.
    public let low: Regime
    /// Coefficients above the knee.
    public let high: Regime
    /// Root mean square of the relative error over the samples.
    public let relativeError: Double

    /// Fits usable samples, or `nil` where there is none.
    init?(_ samples: [DecodeSample]) {
        guard let single = Self.fit(samples[...]) else { return nil }
        let sorted = samples.sorted { ($0.batch, $0.context) < ($1.batch, $1.context) }
        var best = (knee: Int.max, low: single.regime, high: single.regime, error: single.error)
        // A second regime must earn its three coefficients: at least a quarter less squared error, three samples a side.
        var threshold = single.error * 0.75
        for index in sorted.indices.dropFirst(3) where sorted.count - index >= 3 {
            guard sorted[index].batch > sorted[index - 1].batch, let low = Self.fit(sorted[..<index]),
                let high = Self.fit(sorted[index...]), low.error + high.error < threshold
            else { continue }
            threshold = low.error + high.error
            best = (sorted[index - 1].batch, low.regime, high.regime, threshold)
        }
        knee = best.knee
        low = best.low
        high = best.high
        relativeError = (best.error / Double(samples.count)).squareRoot()
    }

    /// Seconds per layer; never falls as the batch or the sum of contexts grows.
    public func seconds(batch: Int, contextSum: Double) -> Double {
        if batch <= knee { return low.seconds(batch: Double(batch), contextSum: contextSum) }
        return max(
            high.seconds(batch: Double(batch), contextSum: contextSum),
            low.seconds(batch: Double(knee), contextSum: contextSum))
    }

    private static func fit(_ samples: ArraySlice<DecodeSample>) -> (regime: Regime, error: Double)? {
        let rows = samples.map { [1, Double($0.batch) * Double($0.context), Double($0.batch)] }
        let order: [[Int]] = [[0], [0, 1], [0, 2], [0, 1, 2], [1, 2], [1], [2]]
        let values = samples.map(\.secondsPerLayer)
        guard let fit = NonNegativeLeastSquares(rows: rows, values: values, order: order) else { return nil }
        let regime = Regime(
            constant: fit.coefficients[0], perContextToken: fit.coefficients[1], perSequence: fit.coefficients[2])
        return (regime, fit.squaredError)
    }
}
