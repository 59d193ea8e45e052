/// Decoding on one device: from one model, or two, to another one.
struct DevicePredictions {
    private let sets: [[PublishedMeasurement]]
    private let processors = Set(PublishedFacts.devices.filter { $0.kind == .processor }.map(\.id))

    init(_ measurements: [PublishedMeasurement]) {
        sets = Self.grouped(measurements.filter { $0.nodes == 1 && $0.quantity == .speed })
    }

    /// Figures of one set and device together, in the order in which they stand.
    static func grouped(_ measurements: [PublishedMeasurement]) -> [[PublishedMeasurement]] {
        var order: [String] = []
        var groups: [String: [PublishedMeasurement]] = [:]
        for figure in measurements {
            let key = "\(figure.set)/\(figure.device)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(figure)
        }
        return order.compactMap { groups[$0] }
    }

    func rows() throws(ExperimentError) -> [PublishedRow] {
        var rows: [PublishedRow] = []
        for set in sets {
            guard let first = set.first else { continue }
            let isBoard = processors.contains(first.device)
            // Processors take every form of four bits about alike; cards do not.
            let alike = set.filter { isBoard || $0.form == first.form }
            rows += try fromOne(alike, isBoard ? .boards : .accelerators)
            rows += try fromTwo(alike, isBoard ? .boardsFromTwo : .acceleratorsFromTwo)
            if !isBoard {
                rows += try fromOne([first] + set.filter { $0.form != first.form }, .otherForm)
            }
        }
        return rows
    }

    private func fromOne(
        _ figures: [PublishedMeasurement], _ group: PublishedGroup
    ) throws(ExperimentError) -> [PublishedRow] {
        guard let first = figures.first, let speed = DecodeSpeed(try first.sample()) else { return [] }
        var rows: [PublishedRow] = []
        for figure in figures.dropFirst() {
            rows.append(figure.row(group, seconds: try speed.seconds(figure.sample()), from: [first]))
        }
        return rows
    }

    private func fromTwo(
        _ figures: [PublishedMeasurement], _ group: PublishedGroup
    ) throws(ExperimentError) -> [PublishedRow] {
        guard figures.count > 2, let speed = DecodeSpeed(try figures[0].sample(), try figures[1].sample()) else {
            return []
        }
        var rows: [PublishedRow] = []
        for figure in figures.dropFirst(2) {
            rows.append(figure.row(group, seconds: try speed.seconds(figure.sample()), from: Array(figures.prefix(2))))
        }
        return rows
    }
}
