internal import CostModel
public import Domain

/// What the workers of a described fleet would answer if somebody measured them: the tables and links of its figures.
public struct FleetStandIn: Sendable {
    /// The model that they would run.
    public let model: ModelDescription
    /// The devices in order of their ids.
    public let devices: [DescribedDevice]
    private let cost: FleetCost

    /// Makes the answers of a fleet.
    ///
    /// - Throws: what `DescribedFleet.cost` does.
    public init(_ fleet: DescribedFleet, model: ModelDescription) throws(ScenarioError) {
        cost = try fleet.cost(model)
        self.model = model
        devices = fleet.devices.sorted { $0.id < $1.id }
    }

    /// Lengths of prompts, sizes of batches and contexts that a worker measures.
    private static let prompts = [1, 8, 32, 128, 512]
    private static let batches = [1, 2, 4, 8, 16]
    private static let contexts = [64, 512, 2048]

    /// The tables of a worker that was asked for some phases; `nil` for an unknown device.
    public func measurements(of device: DeviceID, phases: [Phase]) -> DeviceMeasurements? {
        guard let costed = cost.device(device) else { return nil }
        var tables = DeviceMeasurements(memoryUsableBytes: costed.memoryBytes)
        if phases.contains(.prefill) {
            tables.prefill = Self.prompts.map {
                PrefillSample(tokens: $0, secondsPerLayer: costed.cost.prefillSeconds(layers: 1, tokens: $0))
            }
        }
        if phases.contains(.decode) {
            tables.decode = Self.batches.flatMap { batch in
                Self.contexts.map { context in
                    let seconds = costed.cost.decodeSeconds(layers: 1, batch: batch, contextSum: batch * context)
                    return DecodeSample(batch: batch, context: context, secondsPerLayer: seconds)
                }
            }
            tables.head = Self.batches.map { HeadSample(rows: $0, seconds: costed.cost.headSeconds(rows: $0)) }
        }
        return tables
    }

    /// The link between two devices.
    public func link(from: DeviceID, to: DeviceID) -> LinkProfile {
        let link = cost.network.link(from: from, to: to)
        // A device's way to itself, which nobody measures, is endless.
        return LinkProfile(
            from: from, to: to, latencySeconds: link.latencySeconds, bytesPerSecond: min(link.bytesPerSecond, 1e12))
    }

    /// Tokens of KV cache of a type beside the weights of some layers on a device, in whole blocks; `nil` where there is no room
    /// for one.
    public func capacityTokens(of device: DeviceID, layers: LayerRange, type: KVType, block: Int) -> Int? {
        let tokens = cost.keeping(type).kvCapacityTokens([PlanStage(device: device, layers: layers)])
        let capacity = tokens / max(1, block) * max(1, block)
        return capacity > 0 ? capacity : nil
    }
}
