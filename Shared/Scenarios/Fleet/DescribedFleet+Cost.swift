public import CostModel
public import Domain

extension DescribedFleet {
    /// What this fleet costs for a model: analytic device costs from the described figures, and the described network.
    ///
    /// `excluded` devices are left out, but what is connected through them stays connected.
    ///
    /// - Throws: what `check` finds, `unknownName` for an excluded device that is not there, `invalidModel` for a
    ///   model description out of range.
    public func cost(
        _ model: ModelDescription, excluding excluded: Set<DeviceID> = []
    ) throws(ScenarioError) -> FleetCost {
        let tree = try checkedNetwork()
        for id in excluded.sorted() where device(id) == nil { throw unknown(id) }
        var costed: [CostedDevice] = []
        do {
            for device in devices where !excluded.contains(device.id) {
                let roofline = try RooflineCost(
                    model: model, flops: device.flopsPrefill, bytesPerSecond: device.memoryBandwidth,
                    layerOverheadSeconds: device.layerOverheadSeconds)
                costed.append(
                    CostedDevice(
                        id: device.id, memoryBytes: device.memoryUsableBytes, cost: DeviceCost(roofline: roofline)))
            }
            return try FleetCost(model: model, devices: costed, network: NetworkCost(tree: tree))
        } catch {
            throw ScenarioError(.invalidModel, error.message, underlying: error)
        }
    }

    /// The error for a device that the fleet does not have.
    func unknown(_ id: DeviceID) -> ScenarioError {
        ScenarioError(
            .unknownName, in: .fleet,
            "\(MessageText.name(id.rawValue)) is not a device of \(MessageText.name(name)); its devices are "
                + MessageText.list(devices.map(\.id.rawValue)))
    }
}
