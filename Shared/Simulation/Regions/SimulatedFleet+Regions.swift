internal import CostModel
internal import Domain

extension SimulatedFleet {
    /// Splits a large fleet into regions of at most `mostDevices` devices, each of which plans and schedules for itself.
    ///
    /// Sites stay together as far as they go; one that is larger is dealt out by type, so that its regions are alike.
    /// Order and names follow from the fleet alone.
    ///
    /// - Throws: `invalidSetting` where `mostDevices` is not positive or a region cannot be made.
    public func regions(mostDevices: Int) throws(SimulationError) -> [SimulatedFleet] {
        guard mostDevices > 0 else {
            throw SimulationError(.invalidSetting, "devices of a region: \(mostDevices) is not positive")
        }
        var bySite: [String: [DeviceID]] = [:]
        for device in cost.devices { bySite[sites[device.id] ?? "", default: []].append(device.id) }
        var regions: [[DeviceID]] = []
        var open: [DeviceID] = []
        for site in bySite.keys.sorted() {
            for part in deal(bySite[site] ?? [], mostDevices) {
                if open.count + part.count > mostDevices, !open.isEmpty {
                    regions.append(open)
                    open = []
                }
                open += part
            }
        }
        if !open.isEmpty { regions.append(open) }
        var fleets: [SimulatedFleet] = []
        for (number, members) in regions.enumerated() {
            let kept = Set(members)
            do {
                fleets.append(
                    SimulatedFleet(
                        name: "\(name)/\(number + 1)",
                        cost: try FleetCost(
                            model: cost.model, devices: cost.devices.filter { kept.contains($0.id) },
                            network: cost.network),
                        types: types.filter { kept.contains($0.key) }, sites: sites.filter { kept.contains($0.key) }))
            } catch {
                throw SimulationError(.invalidSetting, "region \(number + 1): \(error)")
            }
        }
        return fleets
    }

    /// As few parts as do, with every type spread over all of them.
    private func deal(_ devices: [DeviceID], _ mostDevices: Int) -> [[DeviceID]] {
        let count = (devices.count + mostDevices - 1) / mostDevices
        guard count > 1 else { return [devices] }
        let sorted = devices.sorted { (types[$0] ?? "", $0) < (types[$1] ?? "", $1) }
        var parts = [[DeviceID]](repeating: [], count: count)
        for (index, device) in sorted.enumerated() { parts[index % count].append(device) }
        return parts
    }
}
