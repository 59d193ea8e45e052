internal import Drawing

/// Bars to the right, each of several parts, such as the parts of waiting for every system.
public struct StackedBars: Sendable, Hashable {
    /// A bar.
    public struct Bar: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its parts, in the order of their names; what is negative or no number counts as 0.
        public var parts: [Double]

        /// Makes a bar.
        public init(name: String, parts: [Double]) {
            self.name = name
            self.parts = parts
        }
    }

    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// What is to the right, with its unit.
    public var xTitle: String
    /// The names of the parts.
    public var parts: [String]
    /// The bars.
    public var bars: [Bar]

    /// Makes a chart.
    public init(title: String, subtitle: String, xTitle: String, parts: [String], bars: [Bar]) {
        self.title = title
        self.subtitle = subtitle
        self.xTitle = xTitle
        self.parts = parts
        self.bars = bars
    }

    /// The picture.
    public var svg: String {
        let legend = Legend(parts.enumerated().map { (.box(SeriesStyle($0).colour), $1) })
        let top = ChartFrame.top + legend.height
        let row = bars.count <= 24 ? 30.0 : 20.0
        let values = bars.map { bar in
            parts.indices.map { part in
                let value = part < bar.parts.count ? bar.parts[part] : 0
                return value.isFinite && value > 0 ? min(value, 1e15) : 0
            }
        }
        let sums = values.map { $0.reduce(0, +) }
        let area = PlotArea(
            left: 230, top: top, right: ChartFrame.right - 60, bottom: top + Double(max(1, bars.count)) * row,
            horizontal: Axis([0] + sums, count: 8), vertical: Axis(ticks: [], decimals: 0))
        return ChartFrame.svg(title, subtitle, height: area.bottom + 46) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            area.draw(&svg, xTitle: xTitle, yTitle: "")
            for (number, bar) in bars.enumerated() {
                draw(&svg, bar.name, values[number], sums[number], y: top + Double(number) * row + 3, row - 6, area)
            }
        }
    }

    private func draw(
        _ svg: inout SVGText, _ name: String, _ values: [Double], _ sum: Double, y: Double, _ height: Double,
        _ area: PlotArea
    ) {
        let base = y + height / 2 + 4
        svg.label(SVGText.shortened(name, to: 205, size: 11), x: area.left - 8, y: base, anchor: "end")
        var before = 0.0
        for (part, value) in values.enumerated() where value > 0 {
            let (left, right) = (area.x(before), area.x(before + value))
            before += value
            svg.box(
                x: left, y: y, width: right - left, height: height, fill: SeriesStyle(part).colour,
                title: "\(name): \(parts[part]) \(ReportText.number(value))")
            let text = ReportText.number(value)
            if SVGText.width(text, size: 10) + 6 < right - left {
                svg.label(text, x: (left + right) / 2, y: base, size: 10, anchor: "middle", fill: ink(part))
            }
        }
        svg.label(ReportText.number(sum), x: area.x(sum) + 5, y: base, weight: "bold")
    }

    /// Black or white, whatever stands out from the part's colour.
    private func ink(_ part: Int) -> String {
        ["#0072b2", "#d55e00", "#009e73", "#6b6b6b"].contains(SeriesStyle(part).colour) ? "#ffffff" : "#000000"
    }
}
