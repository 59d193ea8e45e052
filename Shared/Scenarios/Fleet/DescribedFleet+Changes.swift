public import Domain

extension DescribedFleet {
    /// The fleet with `count` more devices of a type.
    ///
    /// Each is a copy of the last device of that type, with a copy of its link to the same node (and over the same shared
    /// medium). A type that the fleet does not have comes from `DeviceType.catalogue` and is linked to the gateway's node by
    /// 1 GbE. The new devices are the last of the list; their ids are the type with `-new`, `-new2`, ...
    ///
    /// - Throws: `unknownName` for a type that neither the fleet nor the catalogue has, listing both; `invalidField` for a
    ///   count below 1; what `check` finds.
    public func adding(type: String, count: Int = 1) throws(ScenarioError) -> DescribedFleet {
        guard count >= 1 else {
            throw ScenarioError(
                .invalidField, in: .fleet, "the number of devices to add is \(count), it must be at least 1")
        }
        guard count <= Self.deviceLimit - min(devices.count, Self.deviceLimit) else {
            throw ScenarioError(.tooLarge, in: .fleet, "more than \(Self.deviceLimit) devices with those to add")
        }
        try check()
        let (model, link) = try template(type)
        var fleet = self
        var ids = FreshNames("\(type)-new", taken: network.nodes.map(\.id))
        var linkIDs = FreshNames("L-\(type)-new", taken: network.links.map(\.id))
        for _ in 0..<count {
            let id = ids.next()
            var device = model
            device.id = DeviceID(rawValue: id)
            var link = link
            // The copied link keeps which of its ends is the device's.
            if link.a == model.id.rawValue { link.a = id } else { link.b = id }
            link.id = linkIDs.next()
            fleet.devices.append(device)
            fleet.network.nodes.append(DescribedNode(id: id, kind: DescribedNode.deviceKind))
            fleet.network.links.append(link)
        }
        try fleet.check()
        return fleet
    }

    /// The fleet without a device. A device through which others are linked stays as a node without computing.
    ///
    /// - Throws: `unknownName`, listing the devices; `invalidField` for the only device; what `check` finds.
    public func removing(_ id: DeviceID) throws(ScenarioError) -> DescribedFleet {
        guard device(id) != nil else { throw unknown(id) }
        guard devices.count > 1 else {
            throw ScenarioError(
                .invalidField, in: .fleet, "\(MessageText.name(id.rawValue)) is the only device and cannot be removed")
        }
        var fleet = self
        let node = id.rawValue
        fleet.devices.removeAll { $0.id == id }
        if gateway != node, network.links.filter({ $0.a == node || $0.b == node }).count == 1 {
            fleet.network.nodes.removeAll { $0.id == node }
            fleet.network.links.removeAll { $0.a == node || $0.b == node }
        } else if let index = network.nodes.firstIndex(where: { $0.id == node }) {
            fleet.network.nodes[index].kind = DescribedNode.switchKind
        }
        try fleet.check()
        return fleet
    }

    /// What a new device of a type and its link are copied from; the device is one end of the link.
    private func template(_ type: String) throws(ScenarioError) -> (DescribedDevice, DescribedLink) {
        let access = AccessLink.ethernet1G
        let links = network.accessLinks(gateway: gateway)
        if let device = devices.last(where: { $0.type == type }) {
            let node = device.id.rawValue
            // Only a device that is the whole network has no link; the new one is linked to it.
            return (device, links[node] ?? access.link(from: node, to: gateway))
        }
        guard let known = DeviceType.named(type) else {
            throw ScenarioError(
                .unknownName, in: .fleet,
                "\(MessageText.name(type)) is not a type of \(MessageText.name(name)), which has "
                    + "\(MessageText.list(types)), nor of the catalogue, which has "
                    + MessageText.list(DeviceType.catalogue.map(\.name)))
        }
        let neighbour = devices.first { device in
            links[device.id.rawValue].map { $0.a == gateway || $0.b == gateway } ?? false
        }
        let device = known.device(id: "", site: neighbour?.site ?? "", access: access.kind)
        return (device, access.link(from: device.id.rawValue, to: gateway))
    }
}

/// Names that are not taken yet: the wanted one, then with 2, 3, ... appended.
private struct FreshNames {
    let wanted: String
    var taken: Set<String>
    private var number = 1

    init(_ wanted: String, taken: [String]) {
        self.wanted = wanted
        self.taken = Set(taken)
    }

    mutating func next() -> String {
        // Ends: only finitely many names are taken.
        while true {
            let name = number == 1 ? wanted : "\(wanted)\(number)"
            number += 1
            if taken.insert(name).inserted { return name }
        }
    }
}

extension DescribedNetwork {
    /// The link of every node that leads to the gateway; of the gateway itself, its first link.
    fileprivate func accessLinks(gateway: String) -> [String: DescribedLink] {
        var ends: [String: [DescribedLink]] = [:]
        for link in links {
            ends[link.a, default: []].append(link)
            ends[link.b, default: []].append(link)
        }
        var access: [String: DescribedLink] = [:]
        access[gateway] = ends[gateway]?.first
        var open = [gateway]
        while let node = open.popLast() {
            for link in ends[node] ?? [] {
                let next = link.a == node ? link.b : link.a
                guard next != gateway, access[next] == nil else { continue }
                access[next] = link
                open.append(next)
            }
        }
        return access
    }
}
