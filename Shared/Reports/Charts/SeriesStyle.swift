/// How the lines and bars of one name look: colours of Okabe and Ito that stand out from white, and for lines a dash and a mark
/// besides, so that nothing depends on colour alone.
struct SeriesStyle {
    let colour: String
    let dash: String
    let mark: Int

    private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b"]
    private static let dashes = ["none", "7 3", "2 3", "9 3 2 3"]

    /// The style of the series with a number.
    init(_ number: Int) {
        let number = max(0, number)
        colour = Self.colours[number % Self.colours.count]
        dash = Self.dashes[(number + number / Self.colours.count) % Self.dashes.count]
        mark = number % 4
    }

    /// A mark around a point, as a path.
    func path(x: Double, y: Double) -> String {
        let size = 3.5
        let (a, b, c, d) = (x - size, x + size, y - size, y + size)
        func at(_ x: Double, _ y: Double) -> String { "\(PathText.number(x)) \(PathText.number(y))" }
        switch mark {
        case 0: return "M\(at(a, c)) L\(at(b, c)) L\(at(b, d)) L\(at(a, d)) Z"
        case 1: return "M\(at(x, c)) L\(at(b, d)) L\(at(a, d)) Z"
        case 2: return "M\(at(x, c - 1)) L\(at(b + 1, y)) L\(at(x, d + 1)) L\(at(a - 1, y)) Z"
        default: return "M\(at(a, c)) L\(at(b, c)) L\(at(x, d)) Z"
        }
    }
}
