/// Least squares on relative error with non-negative coefficients, for up to four features.
///
/// With so few features the exact solution is found by trying every set of coefficients that may be positive: the best
/// feasible solution of the unconstrained problems over those sets is the constrained optimum.
struct NonNegativeLeastSquares {
    /// One coefficient per feature, none negative.
    var coefficients: [Double]
    /// Sum of squared relative errors.
    var squaredError: Double

    /// Fits `sum(coefficients * features) ~ values`, every row weighted by `1 / value`.
    ///
    /// `order` lists the feature sets to try; a later set replaces an earlier one only if it is better by more than
    /// rounding, so that an underdetermined fit takes the earliest set that explains the samples.
    init?(rows: [[Double]], values: [Double], order: [[Int]]) {
        guard let width = rows.first?.count, rows.count == values.count else { return nil }
        var best: NonNegativeLeastSquares?
        for set in order {
            guard let solved = Self.solve(rows: rows, values: values, set: set) else { continue }
            var coefficients = [Double](repeating: 0, count: width)
            for (index, feature) in set.enumerated() { coefficients[feature] = solved[index] }
            guard coefficients.allSatisfy({ $0 >= 0 && $0.isFinite }) else { continue }
            let error = Self.squaredError(rows: rows, values: values, coefficients: coefficients)
            if let best, error >= best.squaredError * (1 - 1e-6) - 1e-18 { continue }
            best = NonNegativeLeastSquares(coefficients: coefficients, squaredError: error)
        }
        guard let best else { return nil }
        self = best
    }

    private init(coefficients: [Double], squaredError: Double) {
        self.coefficients = coefficients
        self.squaredError = squaredError
    }

    private static func squaredError(rows: [[Double]], values: [Double], coefficients: [Double]) -> Double {
        var sum = 0.0
        for (row, value) in zip(rows, values) {
            let predicted = zip(row, coefficients).reduce(0) { $0 + $1.0 * $1.1 }
            let relative = (predicted - value) / value
            sum += relative * relative
        }
        return sum
    }

    /// Normal equations over the features of `set`, scaled to unit columns, by Gaussian elimination with pivoting.
    private static func solve(rows: [[Double]], values: [Double], set: [Int]) -> [Double]? {
        guard rows.count >= set.count else { return nil }
        let weighted = zip(rows, values).map { row, value in set.map { row[$0] / value } }
        var scales = [Double](repeating: 0, count: set.count)
        for row in weighted { for index in set.indices { scales[index] += row[index] * row[index] } }
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
        scales = scales.map { $0.squareRoot() }
        var matrix = [[Double]](repeating: [Double](repeating: 0, count: set.count + 1), count: set.count)
        for row in weighted {
            for first in set.indices {
                for second in set.indices {
                    matrix[first][second] += row[first] / scales[first] * row[second] / scales[second]
                }
                matrix[first][set.count] += row[first] / scales[first]
            }
        }
        for column in set.indices {
            guard let pivot = (column..<set.count).max(by: { abs(matrix[$0][column]) < abs(matrix[$1][column]) }),
                abs(matrix[pivot][column]) > 1e-10
            else { return nil }
            matrix.swapAt(column, pivot)
            for row in set.indices where row != column {
                let factor = matrix[row][column] / matrix[column][column]
                for entry in column...set.count { matrix[row][entry] -= factor * matrix[column][entry] }
            }
        }
        return set.indices.map { matrix[$0][set.count] / matrix[$0][$0] / scales[$0] }
    }
}
