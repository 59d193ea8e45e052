internal import CostModel
internal import Domain

/// Predicts other people's figures from other figures of the same devices.
///
/// No prediction sees the figure that it predicts, and nothing is adjusted to any of them.
public struct PublishedExperiment: Sendable {
    /// The figures.
    public var measurements: [PublishedMeasurement]

    /// Makes an experiment with the figures at hand, or with others.
    public init(_ measurements: [PublishedMeasurement] = PublishedFacts.measurements) {
        self.measurements = measurements
    }

    /// Predicts every figure that others say something about.
    ///
    /// - Throws: `unknownModel` for a figure of a model that is not described, `invalidSettings` for one that is not
    ///   positive, or whose name another one has.
    public func run() throws(ExperimentError) -> PublishedResult {
        try check()
        let rows =
            try DevicePredictions(measurements).rows() + ClusterPredictions(measurements).rows()
            + PipelinePredictions(measurements).rows()
        let order = PublishedGroup.allCases
        return PublishedResult(
            sources: PublishedFacts.sources, devices: PublishedFacts.devices, measurements: measurements,
            rows: order.flatMap { group in rows.filter { $0.group == group } },
            summaries: order.map { group in PublishedSummary(group, rows.filter { $0.group == group }) })
    }

    private func check() throws(ExperimentError) {
        var names: Set<String> = []
        for figure in measurements {
            guard PublishedModels.named(figure.model) != nil else {
                throw ExperimentError(.unknownModel, "\(figure.id): no model \(figure.model)")
            }
            guard figure.value > 0, figure.value.isFinite, figure.nodes > 0, figure.contextTokens >= 0 else {
                throw ExperimentError(.invalidSettings, "\(figure.id): not a positive figure")
            }
            guard names.insert(figure.id).inserted else {
                throw ExperimentError(.invalidSettings, "\(figure.id) is there twice")
            }
        }
    }
}

extension PublishedMeasurement {
    /// The description of the model, or of the root's part of it on a tensor parallel cluster.
    func sample(sliced: Bool = false) throws(ExperimentError) -> DecodeSpeed.Sample {
        guard let model = PublishedModels.named(model), let seconds else {
            throw ExperimentError(.unknownModel, "\(id): no time of a described model")
        }
        let part = sliced ? TensorParallelEstimate(model: model, nodes: nodes, exchange: .parts).slice : model
        return DecodeSpeed.Sample(model: part, contextTokens: contextTokens, seconds: seconds)
    }

    /// A prediction in seconds beside this figure.
    func row(_ group: PublishedGroup, seconds: Double, from basis: [PublishedMeasurement]) -> PublishedRow {
        PublishedRow(
            group: group, figure: self, basis: basis.map(\.id),
            predicted: quantity == .speed ? 1 / seconds : seconds * 1000)
    }

    /// The form of the weights: the last part of the model's name.
    var form: String { model.split(separator: "-").last.map(String.init) ?? model }
}

extension DecodeSpeed {
    /// Seconds of a token as a figure was measured.
    func seconds(_ sample: Sample) throws(ExperimentError) -> Double {
        do {
            return try seconds(sample.model, contextTokens: sample.contextTokens)
        } catch {
            throw ExperimentError(.invalidSettings, "\(sample.model.name): \(error.message)")
        }
    }
}
