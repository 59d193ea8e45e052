internal import CostModel
internal import Domain

/// How many tokens of KV cache every replica keeps room for, and whether the model fits at all.
struct KVReserve: Sendable {
    /// The tokens.
    let tokens: Int
    /// What was asked for, where that is more than the fleet can hold.
    let reducedFrom: Int?

    /// Halves the wanted reserve until the fleet can hold the model, down to one mean request.
    init(cost: FleetCost, traffic: Traffic, options: PlanningOptions) throws(PlanningError) {
        guard !cost.devices.isEmpty else {
            throw PlanningError(.noUsableDevice, "no usable device: none is registered, measured and ready")
        }
        for phase in Phase.allCases where !cost.devices.contains(where: { $0.cost.supports(phase) }) {
            throw PlanningError(.noUsableDevice, "no usable device: none was measured for the \(phase.rawValue) phase")
        }
        let request = min(traffic.requestTokens, FleetCost.largestTokens)
        let context = cost.model.maxContext > 0 ? min(cost.model.maxContext, 2048) : 2048
        let asked = options.reservedContextTokens > 0 ? options.reservedContextTokens : context
        let wanted = min(FleetCost.largestTokens, max(request, asked))
        var tokens = wanted
        while true {
            let missing = Self.missingBytes(cost, kvTokens: tokens)
            if missing == 0 { break }
            if tokens <= request {
                throw Self.doesNotFit(cost, tokens: tokens, missing: missing)
            }
            tokens = max(request, tokens / 2)
        }
        self.tokens = tokens
        reducedFrom = tokens < wanted ? wanted : nil
    }

    /// Least memory that the best group of the fleet lacks to hold the model; 0 where some group holds it.
    private static func missingBytes(_ cost: FleetCost, kvTokens: Int) -> Int {
        let sizes = cost.devices.map(\.memoryBytes).sorted(by: >)
        var least = Int.max
        // Devices of most memory first: if any group holds the model, one of these prefixes does.
        for count in 1...min(sizes.count, cost.model.layers, LayerPartitioner.largestGroup) {
            let fit = MemoryFit(cost.model, kvTokens: kvTokens, memoryBytes: Array(sizes.prefix(count)))
            let missing = fit.missingBytes(ordered: false)
            if missing == 0 { return 0 }
            least = min(least, missing)
        }
        return least
    }

    static func doesNotFit(_ cost: FleetCost, tokens: Int, missing: Int) -> PlanningError {
        let model = cost.model
        let weights = model.weightBytes(model.allLayers)
        let kv = model.kvBytes(model.allLayers, tokens: tokens)
        let offered = cost.devices.reduce(0) { $0 + $1.memoryBytes }
        let largest = Memory.text(model.bytesPerLayer)
        return PlanningError(
            .modelDoesNotFit,
            "the fleet lacks \(Memory.text(missing)): the model needs \(Memory.text(weights + kv)) "
                + "(\(Memory.text(weights)) of weights, \(Memory.text(kv)) of KV cache for \(tokens) tokens), "
                + "\(cost.devices.count) devices offer \(Memory.text(offered)) in pieces of whole layers of \(largest)",
            missingBytes: missing)
    }
}
