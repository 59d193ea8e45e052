/// The simplex method for `maximise c x` under `A x <= b`, `x >= 0` with `b >= 0`: the origin is feasible, so one phase is
/// enough. Dense; meant for up to a few hundred rows.
struct Simplex {
    /// An optimum.
    struct Solution {
        /// The value of every variable.
        var values: [Double]
        /// The price of every row: by how much the optimum grows per unit of its right side.
        var prices: [Double]
        /// The optimum.
        var objective: Double
    }

    private let rows: Int
    private let columns: Int
    private let width: Int
    /// Rows of the tableau, the objective last; slack variables follow the columns, the right side is last.
    private var tableau: [Double]
    private var basis: [Int]

    /// Takes sparse columns: for every variable its objective and its (row, coefficient) pairs.
    init(rightSide: [Double], columns: [(objective: Double, entries: [(row: Int, value: Double)])]) {
        rows = rightSide.count
        self.columns = columns.count
        width = columns.count + rows + 1
        tableau = [Double](repeating: 0, count: (rows + 1) * width)
        basis = (0..<rows).map { columns.count + $0 }
        for (index, column) in columns.enumerated() {
            for entry in column.entries { tableau[entry.row * width + index] += entry.value }
            tableau[rows * width + index] = -column.objective
        }
        for row in 0..<rows {
            tableau[row * width + columns.count + row] = 1
            tableau[row * width + width - 1] = max(0, rightSide[row])
        }
    }

    /// The optimum, or `nil` where it is unbounded or not found within a generous number of steps.
    mutating func solve() -> Solution? {
        let most = 50 * (rows + columns) + 1000
        // The steepest price first; after many steps the first one (Bland), which cannot cycle.
        for step in 0..<most {
            guard let entering = entering(bland: step > most / 2) else { return solution }
            guard let leaving = leaving(entering) else { return nil }
            pivot(leaving, entering)
        }
        return nil
    }

    private func entering(bland: Bool) -> Int? {
        var best: Int?
        var least = -1e-10
        for column in 0..<(width - 1) {
            let price = tableau[rows * width + column]
            if price < least {
                best = column
                if bland { return column }
                least = price
            }
        }
        return best
    }

    private func leaving(_ column: Int) -> Int? {
        var best: Int?
        var least = Double.infinity
        for row in 0..<rows {
            let factor = tableau[row * width + column]
            guard factor > 1e-11 else { continue }
            let ratio = tableau[row * width + width - 1] / factor
            if ratio < least - 1e-14 || (ratio <= least && best.map { basis[row] < basis[$0] } ?? true) {
                (best, least) = (row, ratio)
            }
        }
        return best
    }

    private mutating func pivot(_ pivotRow: Int, _ column: Int) {
        let width = width
        tableau.withUnsafeMutableBufferPointer { cells in
            let start = pivotRow * width
            let inverse = 1 / cells[start + column]
            for index in 0..<width { cells[start + index] *= inverse }
            cells[start + column] = 1
            for row in 0...rows where row != pivotRow {
                let factor = cells[row * width + column]
                if factor == 0 { continue }
                let target = row * width
                for index in 0..<width { cells[target + index] -= factor * cells[start + index] }
                cells[target + column] = 0
            }
        }
        basis[pivotRow] = column
    }

    private var solution: Solution {
        var values = [Double](repeating: 0, count: columns)
        for (row, variable) in basis.enumerated() where variable < columns {
            values[variable] = tableau[row * width + width - 1]
        }
        let prices = (0..<rows).map { max(0, tableau[rows * width + columns + $0]) }
        return Solution(values: values, prices: prices, objective: tableau[rows * width + width - 1])
    }
}
