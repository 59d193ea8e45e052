internal import Domain

/// Puts the network of a generated fleet together, site by site.
struct NetworkDraft {
    /// Most stations of one access point.
    private static let stationsPerAccessPoint = 8

    /// What joins the devices of a site with its switch.
    enum Site: CaseIterable {
        case wired, fastWired, wireless

        var cable: AccessLink { self == .fastWired ? .ethernet2G5 : .ethernet1G }
    }

    private(set) var devices: [DescribedDevice] = []
    private(set) var network = DescribedNetwork(nodes: [], links: [])

    mutating func addSwitch(_ id: String, kind: String = DescribedNode.switchKind) {
        network.nodes.append(DescribedNode(id: id, kind: kind))
    }

    mutating func addUplink(_ link: AccessLink, from node: String, to other: String) {
        network.links.append(link.link(from: node, to: other))
    }

    /// Adds a site with its switch and devices; returns the name of the switch.
    mutating func addSite(
        _ name: String, _ site: Site, _ members: [DescribedDevice], _ random: inout ScenarioRandom
    ) -> String {
        let hub = "\(name)-sw"
        addSwitch(hub)
        let wifi: AccessLink = random.unit() < 0.5 ? .wifi5 : .wifi6
        var stations = 0
        for var device in members {
            var link = site.cable
            var medium: String?
            if site == .wireless, isStation(device, &random) {
                link = wifi
                medium = accessPoint(stations / Self.stationsPerAccessPoint, of: name, wifi)
                stations += 1
            }
            device.site = name
            device.access = link.kind
            devices.append(device)
            network.nodes.append(DescribedNode(id: device.id.rawValue, kind: DescribedNode.deviceKind))
            network.links.append(link.link(from: device.id.rawValue, to: hub, medium: medium))
        }
        return hub
    }

    private func isStation(_ device: DescribedDevice, _ random: inout ScenarioRandom) -> Bool {
        let usual = DeviceType.named(device.type)?.wireless ?? false
        return random.unit() < (usual ? 0.75 : 0.2)
    }

    /// The name of an access point's air, which is described with its first station.
    private mutating func accessPoint(_ number: Int, of site: String, _ wifi: AccessLink) -> String {
        let name = "\(site)-\(wifi.kind)-air" + (number == 0 ? "" : "\(number + 1)")
        if !network.sharedMedia.contains(where: { $0.id == name }) {
            network.sharedMedia.append(
                DescribedMedium(
                    id: name, kind: "\(wifi.kind) access point",
                    bytesPerSecond: wifi.mediumBytesPerSecond ?? wifi.bytesPerSecond))
        }
        return name
    }
}
