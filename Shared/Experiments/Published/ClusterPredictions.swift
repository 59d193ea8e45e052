internal import CostModel
internal import Domain

/// distributed-llama's clusters: computing, exchange, and both together.
struct ClusterPredictions {
    private let measurements: [PublishedMeasurement]
    private let sets: [[PublishedMeasurement]]

    init(_ measurements: [PublishedMeasurement]) {
        self.measurements = measurements.filter { $0.software.hasPrefix("distributed-llama") }
        sets = DevicePredictions.grouped(
            self.measurements.filter { [.compute, .transfer, .token].contains($0.quantity) })
    }

    func rows() throws(ExperimentError) -> [PublishedRow] {
        var rows = try byteRows()
        for set in sets {
            let compute = try computeRows(set.filter { $0.quantity == .compute })
            let transfer = try transferRows(set.filter { $0.quantity == .transfer })
            rows += compute + transfer
            rows += tokenRows(
                set.filter { $0.quantity == .token }, compute: compute.filter { $0.group != .clusterFromOne },
                transfer: transfer)
        }
        return rows
    }

    // MARK: - Computing

    private func computeRows(_ figures: [PublishedMeasurement]) throws(ExperimentError) -> [PublishedRow] {
        var rows: [PublishedRow] = []
        func figure(_ model: String, _ nodes: Int) -> PublishedMeasurement? {
            figures.first { $0.model == model && $0.nodes == nodes }
        }
        func pair(_ model: String) throws(ExperimentError) -> (basis: [PublishedMeasurement], speed: DecodeSpeed)? {
            guard let one = figure(model, 1), let two = figure(model, 2),
                let speed = DecodeSpeed(try one.sample(sliced: true), try two.sample(sliced: true))
            else { return nil }
            return ([one, two], speed)
        }
        let first = figures.first.map(\.model)
        let firstPair = try first.flatMap { name throws(ExperimentError) in try pair(name) }
        for target in figures {
            let sample = try target.sample(sliced: true)
            if target.nodes > 1, let one = figure(target.model, 1),
                let speed = DecodeSpeed(try one.sample(sliced: true))
            {
                rows.append(target.row(.clusterFromOne, seconds: try speed.seconds(sample), from: [one]))
            }
            if target.nodes > 2, let own = try pair(target.model) {
                rows.append(target.row(.cluster, seconds: try own.speed.seconds(sample), from: own.basis))
            }
            if target.model != first, let firstPair {
                rows.append(
                    target.row(.clusterOtherModel, seconds: try firstPair.speed.seconds(sample), from: firstPair.basis))
            }
        }
        return rows
    }

    // MARK: - Exchange

    private func estimate(_ figure: PublishedMeasurement) -> TensorParallelEstimate? {
        guard let model = PublishedModels.named(figure.model) else { return nil }
        let isEarly = ["0.1", "0.3"].contains { figure.software.hasPrefix("distributed-llama \($0)") }
        return TensorParallelEstimate(
            model: model, nodes: figure.nodes, exchange: isEarly ? .parts : .sums,
            bytesPerActivation: figure.software.contains("f32") ? 4 : TensorParallelEstimate.q80)
    }

    private func byteRows() throws(ExperimentError) -> [PublishedRow] {
        let figures = measurements.filter { $0.quantity == .sent || $0.quantity == .received }
        // The figures that the forms of exchange were read from: the first ones of either form.
        func isBasis(_ figure: PublishedMeasurement) -> Bool {
            figure.nodes == 2
                && (figure.set == "dllama-0.1-q80" && figure.model == "llama-2-7b-q40"
                    || figure.set == "dllama-0.7-q80")
        }
        return figures.filter { !isBasis($0) }.compactMap { figure in
            guard let estimate = estimate(figure) else { return nil }
            let basis = figures.filter { other in
                isBasis(other) && other.quantity == figure.quantity
                    && self.estimate(other)?.exchange == estimate.exchange
            }
            let bytes = figure.quantity == .sent ? estimate.sentBytes : estimate.receivedBytes
            return PublishedRow(
                group: .transferBytes, figure: figure, basis: basis.map(\.id), predicted: bytes / 1024)
        }
    }

    private func transferRows(_ figures: [PublishedMeasurement]) throws(ExperimentError) -> [PublishedRow] {
        let several = figures.filter { $0.nodes > 1 }
        guard let basis = several.first, let known = estimate(basis), let rate = basis.linkBytesPerSecond,
            let seconds = basis.seconds
        else { return [] }
        let wire = (known.sentBytes + known.receivedBytes) / rate
        let link = LinkCost(
            latencySeconds: max(0, (seconds - wire) / Double(known.rounds)), bytesPerSecond: rate)
        return several.dropFirst().compactMap { figure in
            estimate(figure).map { figure.row(.transferTime, seconds: $0.transferSeconds(link: link), from: [basis]) }
        }
    }

    private func tokenRows(
        _ figures: [PublishedMeasurement], compute: [PublishedRow], transfer: [PublishedRow]
    ) -> [PublishedRow] {
        figures.compactMap { figure in
            func of(_ rows: [PublishedRow]) -> PublishedRow? {
                rows.first { $0.figure.model == figure.model && $0.figure.nodes == figure.nodes }
            }
            guard let compute = of(compute), let transfer = of(transfer) else { return nil }
            return PublishedRow(
                group: .clusterToken, figure: figure, basis: compute.basis + transfer.basis,
                predicted: compute.predicted + transfer.predicted)
        }
    }
}
