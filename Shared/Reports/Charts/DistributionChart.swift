internal import Drawing

/// Cumulative distributions: up to four panels, each with a line for every run.
public struct DistributionChart: Sendable, Hashable {
    /// One measure.
    public struct Panel: Sendable, Hashable {
        /// What it is, with its unit.
        public var title: String
        /// For every name its values, in any order; what is no number is left out.
        public var values: [[Double]]

        /// Makes a panel.
        public init(title: String, values: [[Double]]) {
            self.title = title
            self.values = values
        }
    }

    /// Steps of a line that are drawn; of more values, as many quantiles at equal distances.
    private static let mostSteps = 200

    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// The names of the lines.
    public var names: [String]
    /// The panels.
    public var panels: [Panel]

    /// Makes a chart.
    public init(title: String, subtitle: String, names: [String], panels: [Panel]) {
        self.title = title
        self.subtitle = subtitle
        self.names = names
        self.panels = panels
    }

    /// The picture.
    public var svg: String {
        let legend = Legend(names.enumerated().map { (.line(SeriesStyle($0)), $1) })
        let top = ChartFrame.top + legend.height
        let (width, height) = ((ChartFrame.width - 2 * ChartFrame.margin) / 2, 270.0)
        let rows = (panels.count + 1) / 2
        return ChartFrame.svg(title, subtitle, height: top + Double(rows) * height + 10) { svg in
            legend.draw(&svg, top: ChartFrame.top)
            for (number, panel) in panels.enumerated() {
                draw(
                    &svg, panel, left: ChartFrame.margin + Double(number % 2) * width,
                    top: top + Double(number / 2) * height, width: width, height: height)
            }
        }
    }

    private func draw(
        _ svg: inout SVGText, _ panel: Panel, left: Double, top: Double, width: Double, height: Double
    ) {
        let sorted = panel.values.map { $0.filter(\.isFinite).sorted() }
        // A few very late requests would press all others together.
        let ends = sorted.compactMap { values -> Double? in
            guard let last = values.last else { return nil }
            let late = values[min(values.count - 1, values.count * 99 / 100)]
            return last > 1.5 * late ? late * 1.15 : last
        }
        let area = PlotArea(
            left: left + 48, top: top + 28, right: left + width - 16, bottom: top + height - 44,
            horizontal: Axis([0] + ends), vertical: Axis(ticks: [0, 0.25, 0.5, 0.75, 0.9, 1], decimals: 2))
        let beyond = sorted.reduce(0) { sum, values in sum + values.count { $0 > area.horizontal.high } }
        let note = beyond > 0 ? " (\(ReportText.count(beyond, "value lies", "values lie")) beyond)" : ""
        area.draw(&svg, xTitle: panel.title + note, yTitle: "share of requests")
        for (number, values) in sorted.enumerated() {
            guard let first = values.first else { continue }
            var path = PathText()
            path.move(area.x(first), area.bottom)
            let steps = min(values.count, Self.mostSteps)
            for step in 1...steps {
                let index = step * values.count / steps - 1
                path.across(area.x(values[index]))
                if values[index] > area.horizontal.high { break }
                path.upright(area.y(Double(index + 1) / Double(values.count)))
                if step == steps { path.across(area.right) }
            }
            let style = SeriesStyle(number)
            svg.stroke(path, style.colour, width: 2, dash: style.dash)
        }
        if sorted.allSatisfy(\.isEmpty) {
            svg.label("no values", x: (area.left + area.right) / 2, y: (area.top + area.bottom) / 2, anchor: "middle")
        }
    }
}
