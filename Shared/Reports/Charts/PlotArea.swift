internal import Drawing

/// A rectangle with an axis below and one on the left.
struct PlotArea {
    let left: Double
    let top: Double
    let right: Double
    let bottom: Double
    let horizontal: Axis
    let vertical: Axis

    func x(_ value: Double) -> Double { left + (right - left) * horizontal.share(value) }
    func y(_ value: Double) -> Double { bottom - (bottom - top) * vertical.share(value) }

    /// The grid with its numbers; without `upright` lines for bars that stand on names.
    func draw(_ svg: inout SVGText, xTitle: String, yTitle: String, upright: Bool = true) {
        var grid = PathText()
        for tick in vertical.ticks {
            grid.move(left, y(tick))
            grid.across(right)
        }
        if upright {
            for tick in horizontal.ticks {
                grid.move(x(tick), top)
                grid.upright(bottom)
            }
        }
        svg.stroke(grid, PictureColours.line)
        var frame = PathText()
        frame.move(left, top)
        frame.upright(bottom)
        frame.across(right)
        svg.stroke(frame, PictureColours.faint)
        for tick in vertical.ticks { svg.label(vertical.text(tick), x: left - 6, y: y(tick) + 4, anchor: "end") }
        if upright {
            for tick in horizontal.ticks {
                svg.label(horizontal.text(tick), x: x(tick), y: bottom + 15, anchor: "middle")
            }
        }
        if !xTitle.isEmpty { svg.label(xTitle, x: (left + right) / 2, y: bottom + 33, size: 12, anchor: "middle") }
        // Above the axis instead of beside it: nothing has to be turned.
        if !yTitle.isEmpty { svg.label(yTitle, x: left - 40, y: top - 8, size: 12) }
    }
}
