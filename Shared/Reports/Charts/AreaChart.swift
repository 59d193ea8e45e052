internal import Drawing

/// Areas on top of each other over time, such as requests by where they are.
public struct AreaChart: Sendable, Hashable {
    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// What is upwards, with its unit.
    public var yTitle: String
    /// The moment at which the first bin begins, seconds.
    public var start: Double
    /// The width of a bin, seconds.
    public var binSeconds: Double
    /// The areas from below: a name, and a value for every bin.
    public var areas: [LineChart.Line]

    /// Makes a chart. The points of an area are its bins.
    public init(
        title: String, subtitle: String, yTitle: String, start: Double, binSeconds: Double,
        areas: [(name: String, values: [Double])]
    ) {
        self.title = title
        self.subtitle = subtitle
        self.yTitle = yTitle
        self.start = start
        self.binSeconds = binSeconds
        self.areas = areas.map { area in
            LineChart.Line(
                name: area.name,
                points: LineChart.thinned(
                    area.values.enumerated().map { number, value in
                        LineChart.Point(
                            x: start + (Double(number) + 0.5) * binSeconds, y: value.isFinite ? max(0, value) : 0)
                    }))
        }
    }

    /// The picture.
    public var svg: String {
        let legend = Legend(areas.enumerated().map { (.box(SeriesStyle($0).colour), $1.name) })
        let top = ChartFrame.top + legend.height + 20
        let count = areas.map(\.points.count).max() ?? 0
        var sums = [Double](repeating: 0, count: count)
        let levels = areas.map { area in
            for (bin, point) in area.points.enumerated() { sums[bin] += point.y }
            return sums
        }
        let area = PlotArea(
            left: 74, top: top, right: ChartFrame.right - 12, bottom: top + 220,
            horizontal: Axis(areas.flatMap { $0.points.map(\.x) } + [start], rounds: false, count: 8),
            vertical: Axis([0] + sums))
        return ChartFrame.svg(title, subtitle, height: area.bottom + 46) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            for number in areas.indices.reversed() {
                let points = areas[number].points
                guard let first = points.first, let last = points.last else { continue }
                var path = PathText()
                path.move(area.x(first.x), area.bottom)
                for (bin, point) in points.enumerated() { path.line(area.x(point.x), area.y(levels[number][bin])) }
                path.line(area.x(last.x), area.bottom)
                path.close()
                svg.fill(path, SeriesStyle(number).colour, title: areas[number].name)
            }
            area.draw(&svg, xTitle: "seconds", yTitle: yTitle)
        }
    }
}
