internal import Drawing

/// Upright bars in groups, such as percentiles of a measure for every system.
public struct GroupedBars: Sendable, Hashable {
    /// The bars of one name.
    public struct Series: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// A value for every group; `nil` for none.
        public var values: [Double?]
        /// How far values spread to both sides; empty where that is not known.
        public var spreads: [Double]

        /// Makes a series.
        public init(name: String, values: [Double?], spreads: [Double] = []) {
            self.name = name
            self.values = values
            self.spreads = spreads
        }
    }

    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// What is upwards, with its unit.
    public var yTitle: String
    /// The names of the groups.
    public var groups: [String]
    /// The series.
    public var series: [Series]

    /// Makes a chart.
    public init(title: String, subtitle: String, yTitle: String, groups: [String], series: [Series]) {
        self.title = title
        self.subtitle = subtitle
        self.yTitle = yTitle
        self.groups = groups
        self.series = series
    }

    /// The picture.
    public var svg: String {
        let legend = Legend(series.enumerated().map { (.box(SeriesStyle($0).colour), $1.name) })
        let top = ChartFrame.top + legend.height + 20
        let highest = series.flatMap { series in
            series.values.enumerated().compactMap { number, value in value.map { $0 + spread(series, number) } }
        }
        let area = PlotArea(
            left: 74, top: top, right: ChartFrame.right - 12, bottom: top + 300,
            horizontal: Axis(ticks: [0, 1], decimals: 0), vertical: Axis(highest, fromZero: true))
        return ChartFrame.svg(title, subtitle, height: area.bottom + 32) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            area.draw(&svg, xTitle: "", yTitle: yTitle, upright: false)
            let width = (area.right - area.left) / Double(max(1, groups.count))
            for (group, name) in groups.enumerated() {
                let left = area.left + Double(group) * width
                svg.label(
                    SVGText.shortened(name, to: width - 4, size: 11), x: left + width / 2, y: area.bottom + 16,
                    anchor: "middle")
                draw(&svg, group, left: left + width * 0.08, width: width * 0.84, area)
            }
        }
    }

    private func spread(_ series: Series, _ group: Int) -> Double {
        let spread = group < series.spreads.count ? series.spreads[group] : 0
        return spread.isFinite ? max(0, spread) : 0
    }

    private func draw(_ svg: inout SVGText, _ group: Int, left: Double, width: Double, _ area: PlotArea) {
        let bar = width / Double(max(1, series.count))
        for (number, series) in series.enumerated() {
            guard group < series.values.count, let value = series.values[group], value.isFinite else { continue }
            let x = left + Double(number) * bar
            let (high, low) = (area.y(max(0, value)), area.y(min(0, value)))
            let text = ReportText.number(value)
            svg.box(
                x: x, y: high, width: max(0.5, bar - 1), height: low - high, fill: SeriesStyle(number).colour,
                title: "\(groups[group]), \(series.name): \(text)")
            let spread = spread(series, group)
            let tip = area.y(value + spread)
            if spread > 0 {
                var path = PathText()
                path.move(x + bar / 2, tip)
                path.upright(area.y(value - spread))
                svg.stroke(path, PictureColours.ink)
            }
            if SVGText.width(text, size: 9) <= bar + 4 {
                svg.label(text, x: x + bar / 2, y: min(high, tip) - 4, size: 9, anchor: "middle")
            }
        }
    }
}
