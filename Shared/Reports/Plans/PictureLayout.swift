internal import Domain
internal import Planning

/// Where everything of a picture lies, in pixels.
struct PictureLayout {
    /// Width of the whole picture.
    static let width = 1180.0
    static let margin = 16.0
    /// KV links bulge into this column.
    static let linksRight = 120.0
    static let barsLeft = 222.0
    static let barsRight = 912.0
    static let figuresLeft = 924.0
    static let top = 96.0

    /// Groups in the order of their rows: prefill, decoders, mixed.
    let rows: [Int]
    let rowHeight: Double
    let barHeight: Double
    private let layers: Int
    private let breaks: [Int]

    init(_ groups: [GroupFinding], layers: Int) {
        let byRole = ReplicaRole.allCases.map { role in groups.indices.filter { groups[$0].role == role } }
        rows = byRole.flatMap { $0 }
        rowHeight = groups.count <= 40 ? 32 : 24
        barHeight = rowHeight - 8
        self.layers = max(1, layers)
        // A gap where the role changes.
        var breaks: [Int] = []
        var count = 0
        for part in byRole where !part.isEmpty {
            if count > 0 { breaks.append(count) }
            count += part.count
        }
        self.breaks = breaks
    }

    /// The upper edge of a row.
    func y(_ row: Int) -> Double {
        Self.top + Double(row) * rowHeight + 14 * Double(breaks.filter { $0 <= row }.count)
    }

    /// The middle of a row's bars.
    func middle(_ row: Int) -> Double { y(row) + barHeight / 2 }

    /// Where the rows end.
    var bottom: Double { y(max(0, rows.count - 1)) + rowHeight }

    /// The left edge of a layer.
    func x(layer: Int) -> Double {
        Self.barsLeft + (Self.barsRight - Self.barsLeft) * Double(layer) / Double(layers)
    }
}
