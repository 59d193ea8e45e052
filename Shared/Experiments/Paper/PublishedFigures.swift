/// What the paper reports (E2LLM: Towards Efficient LLM Serving in Heterogeneous Edge/Fog Environments, arXiv 2606.03770).
enum PublishedFigures {
    /// A cell of its table of mean waiting times.
    struct Cell {
        var workload: PaperWorkload
        var interval: Double
        /// Mean seconds of waiting.
        var e2llm: Double
        var splitwise: Double
    }

    static let cells = [
        Cell(workload: .extended, interval: 0.5, e2llm: 75.1, splitwise: 191.1),
        Cell(workload: .extended, interval: 1, e2llm: 56.1, splitwise: 155.9),
        Cell(workload: .extended, interval: 2, e2llm: 8.1, splitwise: 147.5),
        Cell(workload: .extended, interval: 3, e2llm: 3.5, splitwise: 17.1),
        Cell(workload: .customExtended, interval: 0.5, e2llm: 167.1, splitwise: 246.9),
        Cell(workload: .customExtended, interval: 1, e2llm: 130.8, splitwise: 275.2),
    ]

    static func cell(_ workload: PaperWorkload, _ interval: Double) -> Cell? {
        cells.first { $0.workload == workload && $0.interval == interval }
    }

    /// Decode concurrency of E2LLM and of Splitwise.
    static func concurrency(_ workload: PaperWorkload) -> (e2llm: Int, splitwise: Int) {
        workload == .extended ? (22, 17) : (18, 16)
    }

    /// Tokens per second of a decoding request, extended, every 3 s.
    static let decodeSpeed = (e2llm: 30.0, splitwise: 12.1)
}
