internal import CostModel
public import Domain
internal import Drawing
public import Planning

/// A plan as a picture: an SVG text that needs nothing else (no scripts, no fonts, no files).
///
/// One row per group, prefill above decoders above mixed ones; its stages are bars over the model's layers, the one that
/// sets the pace outlined; beside it what the group sustains. Curves on the left are KV flows, as wide as the requests per
/// second that they carry. What is shortened is complete under the pointer.
public struct PlanPicture: Sendable {
    private let result: PlanningResult
    private let title: String
    private let types: [DeviceID: String]

    /// Draws a plan. `title` is the headline.
    public init(_ result: PlanningResult, title: String) {
        self.init(result, title: title, types: [:])
    }

    /// Draws a plan with the types of its devices under the pointer.
    public init(_ result: PlanningResult, title: String, types: [DeviceID: String]) {
        self.result = result
        self.title = title
        self.types = types
    }

    /// The picture.
    public var svg: String {
        let groups = GroupFinding.all(result, types: types)
        let layout = PictureLayout(groups, layers: result.instance.layers)
        let used = Set(result.placed.groups.flatMap(\.order))
        let idle = result.instance.cost.devices.indices.filter { !used.contains($0) }
        let chips = IdleChips(idle.map { result.instance.cost.devices[$0].id.rawValue }, top: layout.bottom + 26)
        let height = (idle.isEmpty ? layout.bottom : chips.bottom) + PictureLayout.margin
        var picture = SVGText()
        picture.element(
            "svg",
            [
                "xmlns": "http://www.w3.org/2000/svg", "width": .number(PictureLayout.width), "height": .number(height),
                "viewBox": .text("0 0 \(SVGText.number(PictureLayout.width)) \(SVGText.number(height))"), "role": "img",
                "font-family": "system-ui, 'DejaVu Sans', Arial, sans-serif",
            ]
        ) { svg in
            svg.title(title)
            svg.box(x: 0, y: 0, width: PictureLayout.width, height: height, fill: "#ffffff")
            drawHead(&svg)
            drawAxis(&svg, layout)
            drawFlows(&svg, groups, layout)
            for (row, index) in layout.rows.enumerated() { drawRow(&svg, groups[index], row, layout) }
            if !idle.isEmpty { chips.draw(&svg) }
        }
        return picture.text
    }

    // MARK: - Head

    private func drawHead(_ svg: inout SVGText) {
        let room = PictureLayout.width - 2 * PictureLayout.margin
        svg.label(
            SVGText.shortened(title, to: room, size: 17), x: PictureLayout.margin, y: 26, size: 17, weight: "bold")
        let placed = result.placed
        let bound =
            result.isExact
            ? "proved optimal"
            : result.upperBound.isFinite
                ? "no plan exceeds \(ReportText.number(result.upperBound)): gap at most \(ReportText.percent(result.gap))"
                : "no bound proved"
        let text = "\(ReportText.number(placed.rate)) requests/s; \(bound); limited by \(limit)"
        svg.label(SVGText.shortened(text, to: room, size: 13), x: PictureLayout.margin, y: 46, size: 13)
        var x = PictureLayout.margin
        for role in ReplicaRole.allCases {
            svg.box(x: x, y: 58, width: 14, height: 12, fill: PictureColours.fill(role))
            let name = role == .decode ? "decoder" : role.rawValue
            svg.label(name, x: x + 19, y: 68)
            x += 32 + SVGText.width(name, size: 11)
        }
        svg.box(x: x, y: 58, width: 14, height: 12, fill: "#ffffff", stroke: PictureColours.ink, strokeWidth: 2)
        svg.label("sets the pace of its group", x: x + 19, y: 68)
        x += 200
        svg.element(
            "path",
            [
                "d": .text("M\(SVGText.number(x)) 64 h22"), "stroke": .text(PictureColours.flow), "stroke-width": 3,
                "stroke-opacity": .text("0.5"),
            ])
        svg.label("KV flow", x: x + 28, y: 68)
    }

    private var limit: String {
        switch result.placed.limit {
        case .prefill: "prefill"
        case .decode: "decoding"
        case .network(let name): "the network at \(name)"
        case .mixed: "its mixed groups"
        }
    }

    // MARK: - Layers

    private func drawAxis(_ svg: inout SVGText, _ layout: PictureLayout) {
        let layers = result.instance.layers
        let step = max(1, (layers + 7) / 8)
        let y = PictureLayout.top - 6
        for layer in Array(stride(from: 0, to: layers - step / 2, by: step)) + [layers] {
            let x = layout.x(layer: layer)
            svg.element(
                "path",
                [
                    "d": .text("M\(SVGText.number(x)) \(SVGText.number(y)) V\(SVGText.number(layout.bottom - 6))"),
                    "stroke": .text(PictureColours.line), "stroke-width": 1,
                ])
            svg.label("\(layer)", x: x, y: y - 2, size: 10, anchor: "middle", fill: PictureColours.faint)
        }
        svg.label(
            "layer", x: PictureLayout.barsLeft - 18, y: y - 2, size: 10, anchor: "end", fill: PictureColours.faint)
        svg.label(
            "requests/s, sequences, token gap", x: PictureLayout.figuresLeft, y: y - 2, size: 10,
            fill: PictureColours.faint)
    }

    // MARK: - Groups

    private func drawRow(_ svg: inout SVGText, _ group: GroupFinding, _ row: Int, _ layout: PictureLayout) {
        let y = layout.y(row)
        let base = layout.middle(row) + 4
        svg.label(group.name, x: PictureLayout.linksRight + 8, y: base, weight: "bold")
        for stage in group.stages {
            let x = layout.x(layer: stage.layers.start)
            let width = layout.x(layer: stage.layers.end) - x
            let type = stage.type.map { " (\($0))" } ?? ""
            let isSlow = group.bottleneck.kind == .stage && group.bottleneck.device == stage.device
            svg.box(
                x: x + 0.5, y: y, width: width - 1, height: layout.barHeight, fill: PictureColours.fill(group.role),
                stroke: isSlow ? PictureColours.ink : "#ffffff", strokeWidth: isSlow ? 2 : 1,
                title: "\(stage.device)\(type): layers \(stage.layers) of \(group.name)"
                    + (isSlow ? "; \(ReportText.seconds(group.bottleneck.seconds)), sets the pace" : ""))
            let full = "\(stage.device) \(stage.layers)"
            let room = width - 8
            let text =
                SVGText.width(full, size: 11) <= room
                ? full : SVGText.shortened(stage.device.rawValue, to: room, size: 11)
            if !text.isEmpty { svg.label(text, x: x + width / 2, y: base, anchor: "middle", fill: "#000000") }
        }
        let figures =
            group.role == .prefill
            ? "\(ReportText.number(group.rate)); \(ReportText.seconds(group.prefillSeconds)) a prompt"
            : "\(ReportText.number(group.rate)); \(group.concurrency); \(ReportText.seconds(group.tokenGap))"
        svg.label(figures, x: PictureLayout.figuresLeft, y: base)
    }

    // MARK: - Flows

    private func drawFlows(_ svg: inout SVGText, _ groups: [GroupFinding], _ layout: PictureLayout) {
        let flows = result.placed.flows
        guard let most = flows.map(\.requestsPerSecond).max(), most > 0 else { return }
        var rowOf: [Int: Int] = [:]
        for (row, index) in layout.rows.enumerated() { rowOf[index] = row }
        let right = PictureLayout.linksRight
        // Many flows are drawn thinner, so that they can be told apart.
        let widest = flows.count <= 12 ? 8.0 : flows.count <= 60 ? 5.0 : 3.0
        for flow in flows {
            guard let from = rowOf[flow.from], let to = rowOf[flow.to] else { continue }
            let (start, end) = (layout.middle(from), layout.middle(to))
            let reach = Double(abs(to - from)) / Double(max(1, layout.rows.count - 1))
            // A cubic curve reaches three quarters of the way to its control points.
            let control = right - (30 + 104 * reach)
            let number = SVGText.number
            svg.element(
                "path",
                [
                    "d": .text(
                        "M\(number(right)) \(number(start)) C\(number(control)) \(number(start)) \(number(control)) "
                            + "\(number(end)) \(number(right)) \(number(end))"),
                    "fill": "none", "stroke": .text(PictureColours.flow), "stroke-opacity": .text("0.5"),
                    "stroke-width": .number(max(0.8, widest * flow.requestsPerSecond / most)),
                ]
            ) {
                $0.title(
                    "KV from \(groups[flow.from].name) to \(groups[flow.to].name): "
                        + "\(ReportText.number(flow.requestsPerSecond)) requests/s, "
                        + "\(ReportText.seconds(flow.kvSeconds)) a prompt alone on the network")
            }
            svg.element(
                "path",
                [
                    "d": .text("M\(number(right)) \(number(end - 4)) l6 4 l-6 4 z"), "fill": .text(PictureColours.flow),
                ])
        }
    }
}

/// The devices in no group, as boxes in rows.
struct IdleChips {
    private var chips: [(text: String, name: String, x: Double, y: Double, width: Double)] = []
    private let top: Double
    /// Where they end.
    private(set) var bottom: Double

    init(_ names: [String], top: Double) {
        self.top = top
        var x = PictureLayout.margin
        var y = top + 8
        for name in names {
            let text = SVGText.shortened(name, to: 180, size: 11)
            let width = SVGText.width(text, size: 11) + 12
            if x + width > PictureLayout.width - PictureLayout.margin {
                x = PictureLayout.margin
                y += 26
            }
            chips.append((text, name, x, y, width))
            x += width + 6
        }
        bottom = y + 20
    }

    func draw(_ svg: inout SVGText) {
        svg.label(
            "\(ReportText.count(chips.count, "idle device", "idle devices")):", x: PictureLayout.margin, y: top,
            weight: "bold")
        for chip in chips {
            svg.box(
                x: chip.x, y: chip.y, width: chip.width, height: 20, fill: PictureColours.idle,
                title: "\(chip.name): idle")
            svg.label(chip.text, x: chip.x + chip.width / 2, y: chip.y + 14, anchor: "middle")
        }
    }
}
