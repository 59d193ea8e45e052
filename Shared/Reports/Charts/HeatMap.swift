internal import Drawing

/// Shares over time, a row of cells for each device or link, darker for more.
public struct HeatMap: Sendable, Hashable {
    /// A row.
    public struct Row: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// A share from 0 to 1 for every bin.
        public var shares: [Double]
        /// What is said at its end; `nil` for the mean share.
        public var note: String?

        /// Makes a row.
        public init(name: String, shares: [Double], note: String? = nil) {
            self.name = name
            self.shares = shares
            self.note = note
        }
    }

    /// Rows under one heading.
    public struct Section: Sendable, Hashable {
        /// The heading.
        public var title: String
        /// The rows.
        public var rows: [Row]

        /// Makes a section.
        public init(title: String, rows: [Row]) {
            self.title = title
            self.rows = rows
        }
    }

    /// Rows of a section that are drawn: of more, those with the largest sums.
    static let mostRows = 48
    /// Cells of a row that are drawn: of more bins, means of several.
    private static let mostCells = 160
    private static let levels = 10

    /// The headline.
    public var title: String
    /// What it is of: numbers, rates, seeds.
    public var subtitle: String
    /// The moment at which the first bin begins, and the width of a bin, in seconds.
    public var start: Double
    /// The width of a bin, in seconds.
    public var binSeconds: Double
    /// The rows.
    public var sections: [Section]

    /// Makes a chart.
    public init(title: String, subtitle: String, start: Double, binSeconds: Double, sections: [Section]) {
        self.title = title
        self.subtitle = subtitle
        self.start = start
        self.binSeconds = binSeconds
        self.sections = sections
    }

    /// The picture.
    public var svg: String {
        let bins = max(1, sections.flatMap { $0.rows.map(\.shares.count) }.max() ?? 1)
        let seconds = binSeconds.isFinite && binSeconds > 0 ? binSeconds : 1
        let begin = start.isFinite ? start : 0
        let shown = sections.map(Self.shown)
        let height = 16.0
        let top = ChartFrame.top + 26
        let rows = shown.reduce(0) { $0 + $1.rows.count }
        let bottom = top + Double(rows) * height + Double(shown.count) * 24
        let axis = Axis([begin, begin + Double(bins) * seconds], rounds: false, count: 8)
        let area = PlotArea(
            left: 230, top: top, right: ChartFrame.right - 60, bottom: bottom, horizontal: axis,
            vertical: Axis(ticks: [], decimals: 0))
        return ChartFrame.svg(title, subtitle, height: bottom + 46) { svg in
            drawScale(&svg)
            svg.label("mean", x: area.right + 6, y: ChartFrame.top + 10)
            var y = top
            var cells = [PathText](repeating: PathText(), count: Self.levels + 1)
            for (section, all) in zip(shown, sections) {
                let rest = all.rows.count - section.rows.count
                let note = rest > 0 ? " (the \(section.rows.count) busiest of \(all.rows.count))" : ""
                svg.label(section.title + note, x: ChartFrame.margin, y: y + 16, weight: "bold")
                y += 24
                for row in section.rows {
                    let name = SVGText.shortened(row.name, to: 205, size: 11)
                    svg.element(
                        "text",
                        [
                            "x": .number(area.left - 8), "y": .number(y + 12), "font-size": 11, "text-anchor": "end",
                            "fill": .text(PictureColours.ink),
                        ]
                    ) {
                        $0.title(row.name)
                        $0.write(name)
                    }
                    Self.add(row.shares, bins: bins, to: &cells, y: y + 1, height: height - 2, area)
                    svg.label(Self.note(row), x: area.right + 6, y: y + 12)
                    y += height
                }
            }
            for (level, path) in cells.enumerated() { svg.fill(path, Self.colour(level)) }
            area.draw(&svg, xTitle: "seconds", yTitle: "")
        }
    }

    private static func note(_ row: Row) -> String {
        let text = row.note ?? ReportText.percent(row.shares.reduce(0, +) / Double(max(1, row.shares.count)))
        // As short as its column.
        let words = "less than "
        return text.hasPrefix(words) ? "< " + text.dropFirst(words.count) : text
    }

    private static func shown(_ section: Section) -> Section {
        guard section.rows.count > mostRows else { return section }
        let sums = section.rows.map { $0.shares.reduce(0) { $0 + ($1.isFinite ? $1 : 0) } }
        let busiest = section.rows.indices.sorted { (-sums[$0], $0) < (-sums[$1], $1) }.prefix(mostRows).sorted()
        return Section(title: section.title, rows: busiest.map { section.rows[$0] })
    }

    /// The cells of a row; neighbours of one level are one shape.
    private static func add(
        _ shares: [Double], bins: Int, to cells: inout [PathText], y: Double, height: Double, _ area: PlotArea
    ) {
        let count = min(bins, mostCells)
        func level(_ cell: Int) -> Int {
            let range = (cell * bins / count)..<((cell + 1) * bins / count)
            let sum = range.reduce(0.0) { $0 + ($1 < shares.count && shares[$1].isFinite ? shares[$1] : 0) }
            return Int((min(1, max(0, sum / Double(range.count))) * Double(levels)).rounded())
        }
        func x(_ cell: Int) -> Double {
            area.left + (area.right - area.left) * Double(cell * bins / count) / Double(bins)
        }
        var begin = 0
        var current = level(0)
        for cell in 1...count {
            let next = cell < count ? level(cell) : -1
            guard next != current else { continue }
            cells[current].box(x: x(begin), y: y, width: x(cell) - x(begin), height: height)
            (begin, current) = (cell, next)
        }
    }

    /// From nearly white over blue to nearly black: darker is more, for any colour vision.
    static func colour(_ level: Int) -> String {
        let stops: [(Double, Double, Double)] = [(240, 240, 240), (86, 180, 233), (0, 32, 64)]
        let place = Double(min(levels, max(0, level))) / Double(levels) * 2
        let (from, to) = place < 1 ? (stops[0], stops[1]) : (stops[1], stops[2])
        let share = place < 1 ? place : place - 1
        func hex(_ from: Double, _ to: Double) -> String {
            let value = Int((from + (to - from) * share).rounded())
            return (value < 16 ? "0" : "") + String(value, radix: 16)
        }
        return "#" + hex(from.0, to.0) + hex(from.1, to.1) + hex(from.2, to.2)
    }

    private func drawScale(_ svg: inout SVGText) {
        let (x, y) = (230.0, ChartFrame.top)
        for level in 0...Self.levels {
            svg.box(x: x + Double(level) * 24, y: y, width: 24, height: 12, fill: Self.colour(level))
        }
        svg.label("0 %", x: x - 6, y: y + 10, anchor: "end")
        svg.label("100 %", x: x + Double(Self.levels + 1) * 24 + 6, y: y + 10)
    }
}
