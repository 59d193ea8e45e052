internal import CostModel
internal import Domain

/// Devices that hold contiguous layers each, as E2LLM cuts models.
struct PipelinePredictions {
    private let measurements: [PublishedMeasurement]

    init(_ measurements: [PublishedMeasurement]) { self.measurements = measurements }

    func rows() throws(ExperimentError) -> [PublishedRow] { try cardRows() + homeRows() }

    // MARK: - Cards of one machine

    private func cardRows() throws(ExperimentError) -> [PublishedRow] {
        var rows: [PublishedRow] = []
        for set in DevicePredictions.grouped(measurements.filter { $0.quantity == .speed }) {
            let alone = set.filter { $0.nodes == 1 }
            let together = set.filter { $0.nodes > 1 }
            guard !together.isEmpty, alone.count == 2,
                let speed = DecodeSpeed(try alone[0].sample(), try alone[1].sample())
            else { continue }
            for figure in together {
                let seconds = try pipelineSeconds(speed, figure)
                rows.append(figure.row(.pipeline, seconds: seconds, from: alone))
            }
        }
        return rows
    }

    private func pipelineSeconds(
        _ speed: DecodeSpeed, _ figure: PublishedMeasurement
    ) throws(ExperimentError) -> Double {
        let model = try figure.sample().model
        do {
            let cost = try speed.cost(model)
            let devices = (0..<figure.nodes).map {
                CostedDevice(id: DeviceID("card-\($0)"), memoryBytes: .max, cost: cost)
            }
            let fleet = try FleetCost(
                model: model, devices: devices, network: NetworkCost(links: [], unmeasured: .local))
            let stages = devices.enumerated().map { number, device in
                let (start, end) = (
                    model.layers * number / figure.nodes, model.layers * (number + 1) / figure.nodes
                )
                return PlanStage(device: device.id, layers: LayerRange(start, end))
            }
            let estimate = fleet.decodeEstimate(stages, concurrency: 1, contextTokens: figure.contextTokens)
            guard let estimate else { throw CostError(.invalidFigure, "no estimate") }
            return estimate.tokenGapSeconds
        } catch {
            throw ExperimentError(.invalidSettings, "\(figure.id): \(error)")
        }
    }

    // MARK: - prima.cpp's home

    /// Devices beside the card that compute one layer each.
    private static let slowLayers = 3

    private func homeRows() throws(ExperimentError) -> [PublishedRow] {
        let home = measurements.filter { $0.software == "prima.cpp" }
        let cards = measurements.filter { $0.set == home.first?.set && $0.nodes == 1 }
        func part(_ figure: PublishedMeasurement) -> (card: PublishedMeasurement, seconds: Double, layer: Double)? {
            guard let card = cards.first(where: { $0.model == figure.model }), let seconds = card.seconds,
                let model = PublishedModels.named(figure.model)
            else { return nil }
            let share = Double(model.layers - Self.slowLayers) / Double(model.layers)
            return (card, seconds * share, Double(model.bytesPerLayer))
        }
        guard let basis = home.first, let total = basis.seconds, let known = part(basis) else { return [] }
        return home.dropFirst().compactMap { figure in
            guard let own = part(figure) else { return nil }
            let others = (total - known.seconds) * own.layer / known.layer
            return figure.row(.home, seconds: own.seconds + others, from: [basis, known.card, own.card])
        }
    }
}
