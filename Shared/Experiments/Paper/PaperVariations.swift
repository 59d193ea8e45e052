/// The cell of `extended` every second with one setting changed at a time.
struct PaperVariations {
    struct Variation {
        var label: String
        var cell: PaperCell
    }

    let all: [Variation]

    init(_ settings: PaperSettings) {
        let cell = PaperCell(workload: .extended, interval: 1, settings: settings)
        var all: [Variation] = []
        func add(_ label: String, _ change: (inout PaperCell) -> Void) {
            var changed = cell
            change(&changed)
            all.append(Variation(label: label, cell: changed))
        }
        for factor in [0.5, 2, 4] {
            let count = max(2, Int(Double(cell.requests) * factor))
            add("\(count) requests") { $0.requests = count }
        }
        for slowdown in [1, 1.5, 2, 3] { add("slowdown \(slowdown)") { $0.slowdown = slowdown } }
        for seed in 1...2 as ClosedRange<UInt64> {
            add("seed \(cell.seed &+ seed)") { $0.seed = cell.seed &+ seed }
        }
        add("KV of the paper's systems streams") { $0.streams = true }
        // In the cell of the others it has one replica of each role.
        add("custom extended: Splitwise routes by estimated waits") {
            $0.workload = .customExtended
            $0.routesByWait = true
        }
        add("the default planner may relax 15 tokens/s") { $0.minimumIsHard = false }
        self.all = all
    }
}
