/// Sums over time in bins of equal width, for several rows at once.
///
/// The width doubles whenever a moment lies behind the last bin that is allowed, so that a run of any length takes the same
/// room and nothing of the sums is lost.
struct TimeBins {
    /// Where the first bin begins.
    let start: Double
    /// Seconds of a bin.
    private(set) var width: Double
    /// For each row the sum of weight and time in every bin, to the last one that is not empty.
    private(set) var rows: [[Double]]
    private let most: Int

    /// `most` bins at most, an even number; the run's end need not be known, `width` is the least.
    init(start: Double, width: Double = 1e-3, most: Int = 256, rows: Int = 0) {
        self.start = start
        self.width = width
        self.most = most
        self.rows = Array(repeating: [], count: rows)
    }

    /// Adds a row and returns its number.
    mutating func addRow() -> Int {
        rows.append([])
        return rows.count - 1
    }

    /// Adds a weight for as long as an interval lasts; what lies before the start counts for nothing.
    mutating func add(_ weight: Double, from begin: Double, to end: Double, row: Int) {
        let begin = max(begin, start) - start
        let end = end - start
        guard end > begin, end.isFinite, weight.isFinite else { return }
        while end > Double(most) * width { halve() }
        let first = min(most - 1, Int(begin / width))
        let last = min(most - 1, max(first, Int((end / width).rounded(.up)) - 1))
        if rows[row].count <= last {
            rows[row] += [Double](repeating: 0, count: last + 1 - rows[row].count)
        }
        for bin in first...last {
            let overlap = min(end, Double(bin + 1) * width) - max(begin, Double(bin) * width)
            rows[row][bin] += max(0, overlap) * weight
        }
    }

    /// The mean weight of every bin of a row, up to bin `count`.
    func means(_ row: Int, count: Int) -> [Double] {
        (0..<count).map { $0 < rows[row].count ? rows[row][$0] / width : 0 }
    }

    /// Bins up to the last one that is not empty in any row.
    var count: Int { rows.map(\.count).max() ?? 0 }

    /// Two bins become one.
    private mutating func halve() {
        width *= 2
        for row in rows.indices {
            let old = rows[row]
            rows[row] = stride(from: 0, to: old.count, by: 2).map { bin in
                bin + 1 < old.count ? old[bin] + old[bin + 1] : old[bin]
            }
        }
    }
}
