internal import Drawing

/// Lines over numbers, such as a measure over the rate, one line for each system.
public struct LineChart: Sendable, Hashable {
    /// A point of a line.
    public struct Point: Sendable, Hashable {
        /// To the right.
        public var x: Double
        /// Upwards.
        public var y: Double
        /// How far the value spreads to both sides, drawn as a bar; `nil` for none.
        public var spread: Double?

        /// Makes a point.
        public init(x: Double, y: Double, spread: Double? = nil) {
            self.x = x
            self.y = y
            self.spread = spread
        }
    }

    /// A line.
    public struct Line: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its points, from left to right; what is no number is left out.
        public var points: [Point]

        /// Makes a line.
        public init(name: String, points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    /// Points of a line that are drawn; of more, as many at equal distances.
    static let mostPoints = 400
    /// Points of all lines whose figures are written beside them.
    private static let mostFigures = 40

    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// What is to the right, with its unit.
    public var xTitle: String
    /// What is upwards, with its unit.
    public var yTitle: String
    /// The lines.
    public var lines: [Line]
    /// Whether the vertical axis begins at 0.
    public var fromZero = true

    /// Makes a chart.
    public init(title: String, subtitle: String, xTitle: String, yTitle: String, lines: [Line]) {
        self.title = title
        self.subtitle = subtitle
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.lines = lines
    }

    /// The picture.
    public var svg: String {
        let legend = Legend(lines.enumerated().map { (.line(SeriesStyle($0)), $1.name) })
        let top = ChartFrame.top + legend.height + 20
        let shown = lines.map { Self.thinned($0.points.filter { $0.x.isFinite && $0.y.isFinite }) }
        let all = shown.flatMap { $0 }
        let area = PlotArea(
            left: 74, top: top, right: ChartFrame.right - 12, bottom: top + 330,
            horizontal: Axis(all.map(\.x), count: 8),
            vertical: Axis(all.flatMap { [$0.y, $0.y + ($0.spread ?? 0)] }, fromZero: fromZero))
        return ChartFrame.svg(title, subtitle, height: area.bottom + 46) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            area.draw(&svg, xTitle: xTitle, yTitle: yTitle)
            for (number, points) in shown.enumerated() {
                draw(&svg, points, lines[number].name, SeriesStyle(number), area)
            }
            if all.count <= Self.mostFigures { figures(&svg, shown, area) }
        }
    }

    private func draw(
        _ svg: inout SVGText, _ points: [Point], _ name: String, _ style: SeriesStyle, _ area: PlotArea
    ) {
        var path = PathText()
        var bars = PathText()
        for (number, point) in points.enumerated() {
            let (x, y) = (area.x(point.x), area.y(point.y))
            if number == 0 { path.move(x, y) } else { path.line(x, y) }
            if let spread = point.spread, spread.isFinite, spread > 0 {
                bars.move(x, area.y(point.y - spread))
                bars.upright(area.y(point.y + spread))
            }
        }
        svg.stroke(bars, style.colour)
        svg.stroke(path, style.colour, width: 2, dash: style.dash)
        guard points.count <= 40 else { return }
        for point in points {
            svg.element(
                "path",
                ["d": .text(style.path(x: area.x(point.x), y: area.y(point.y))), "fill": .text(style.colour)]
            ) { $0.title("\(name): \(ReportText.number(point.y)) at \(ReportText.number(point.x))") }
        }
    }

    /// The figures beside their points, as far as none covers another.
    private func figures(_ svg: inout SVGText, _ shown: [[Point]], _ area: PlotArea) {
        var taken: [(x: Double, y: Double)] = []
        for (number, points) in shown.enumerated() {
            for point in points {
                let (x, y) = (area.x(point.x), area.y(point.y))
                guard !taken.contains(where: { ($0.x - x).magnitude < 34 && ($0.y - y).magnitude < 11 }) else {
                    continue
                }
                taken.append((x, y))
                let isLeft = x > area.right - 30
                svg.label(
                    ReportText.number(point.y), x: isLeft ? x - 6 : x + 6, y: y - 5, size: 10,
                    anchor: isLeft ? "end" : "start", fill: SeriesStyle(number).colour)
            }
        }
    }

    static func thinned(_ points: [Point]) -> [Point] {
        guard points.count > mostPoints else { return points }
        return (0..<mostPoints).map { points[$0 * (points.count - 1) / (mostPoints - 1)] }
    }
}
