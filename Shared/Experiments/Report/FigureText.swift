internal import Foundation

/// Figures as they stand in reports; a dash where there is none.
enum FigureText {
    static let missing = "-"

    /// A number with digits after the point.
    static func number(_ value: Double?, _ digits: Int) -> String {
        value.map { String(format: "%.\(digits)f", $0) } ?? missing
    }

    /// Requests per second, with four significant digits.
    static func rate(_ value: Double?) -> String { value.map { String(format: "%.4g", $0) } ?? missing }

    /// A share in percent.
    static func percent(_ value: Double?, _ digits: Int = 1) -> String {
        value.map { String(format: "%.\(digits)f %%", $0 * 100) } ?? missing
    }
}
