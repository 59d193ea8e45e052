internal import Domain

/// Measured decode times: one curve over the sum of contexts for each measured batch, linear between batches.
///
/// Inside the measured table the samples decide; outside of it the fit gives the slope. Values never fall as the batch or
/// the sum of contexts grows: a larger batch takes at least as long as every smaller one.
struct DecodeTable: Sendable, Hashable {
    let fit: DecodeFit
    private let batches: [Double]
    private let curves: [Curve]

    private struct Curve: Sendable, Hashable {
        var batch: Int
        var table: MonotoneTable
    }

    init?(_ samples: [DecodeSample]) {
        let usable = samples.filter {
            $0.batch > 0 && $0.context >= 0 && $0.secondsPerLayer > 0 && $0.secondsPerLayer.isFinite
        }
        guard let fit = DecodeFit(usable) else { return nil }
        self.fit = fit
        curves = Dictionary(grouping: usable, by: \.batch).sorted { $0.key < $1.key }.compactMap { batch, samples in
            let points = samples.map { (Double($0.batch) * Double($0.context), $0.secondsPerLayer) }
            return MonotoneTable(samples: points, degree: 1).map { Curve(batch: batch, table: $0) }
        }
        batches = curves.map { Double($0.batch) }
    }

    /// Seconds per layer for a step of `batch` sequences whose contexts sum to `contextSum` tokens.
    func seconds(batch: Int, contextSum: Double) -> Double {
        let position = Double(batch)
        let above = Search.firstIndex(in: batches, notBelow: position)
        if above == curves.count {
            let largest = curves[curves.count - 1].batch
            // Both lie in the same regime, so the difference does not depend on the contexts.
            let growth = fit.high.perSequence * Double(batch - largest)
            return highest(upTo: curves.count - 1, contextSum) + growth
        }
        let upper = highest(upTo: above, contextSum)
        guard above > 0, batches[above] > position else { return upper }
        let lower = highest(upTo: above - 1, contextSum)
        let share = (position - batches[above - 1]) / (batches[above] - batches[above - 1])
        return lower + share * (upper - lower)
    }

    private func highest(upTo index: Int, _ contextSum: Double) -> Double {
        var largest = DeviceCost.smallestSeconds
        for curve in curves[...index] { largest = max(largest, seconds(on: curve, contextSum)) }
        return largest
    }

    private func seconds(on curve: Curve, _ contextSum: Double) -> Double {
        let table = curve.table
        guard let first = table.positions.first, let last = table.positions.last else { return 0 }
        if contextSum > last {
            return table.value(at: last) + slope(curve.batch) * (contextSum - last)
        }
        if contextSum < first {
            let reference = fit.seconds(batch: curve.batch, contextSum: first)
            guard reference > 0 else { return table.value(at: first) }
            return table.value(at: first) * fit.seconds(batch: curve.batch, contextSum: contextSum) / reference
        }
        return table.value(at: contextSum)
    }

    private func slope(_ batch: Int) -> Double {
        batch <= fit.knee ? fit.low.perContextToken : fit.high.perContextToken
    }
}
