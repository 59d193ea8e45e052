internal import CostModel
internal import Domain

extension DescribedFleet {
    /// Most devices of a fleet.
    public static let deviceLimit = 4096
    /// Most nodes, links or shared media of a fleet's network.
    public static let networkLimit = 16384

    /// Checks every figure, every name and the form of the network.
    ///
    /// - Throws: an error that names the field, for example `fleet: devices[3] (pi01).mem_bw_Bps is -1, it must be
    ///   positive`.
    public func check() throws(ScenarioError) { _ = try checkedNetwork() }

    /// Checks the fleet and makes its network.
    func checkedNetwork() throws(ScenarioError) -> TreeNetwork {
        let check = FieldCheck(kind: .fleet)
        try check.name(name, "name")
        try check.label(title, "title")
        guard !devices.isEmpty else { throw ScenarioError(.invalidField, in: .fleet, "devices: there are none") }
        try check.count(devices.count, "devices", atMost: Self.deviceLimit)
        try check.count(network.nodes.count, "network.nodes", atMost: Self.networkLimit)
        try check.count(network.links.count, "network.links", atMost: Self.networkLimit)
        try check.count(network.sharedMedia.count, "network.shared_media", atMost: Self.networkLimit)
        for (index, device) in devices.enumerated() {
            try device.check(check, FieldPath.element("devices", index, device.id.rawValue))
        }
        try network.check(check)
        try checkPlaces()
        do {
            return try TreeNetwork(
                nodes: network.nodes.map(\.id), links: network.links.map(TreeNetwork.Link.init),
                media: network.capacities)
        } catch {
            throw ScenarioError(.invalidNetwork, in: .fleet, error.message, underlying: error)
        }
    }

    /// That every device is one linked node, and the gateway a node.
    private func checkPlaces() throws(ScenarioError) {
        let nodes = Set(network.nodes.map(\.id))
        let linked = Set(network.links.flatMap { [$0.a, $0.b] })
        var seen: Set<String> = []
        for (index, device) in devices.enumerated() {
            let id = device.id.rawValue
            let field = FieldPath.element("devices", index, id)
            guard seen.insert(id).inserted else {
                throw ScenarioError(.duplicateName, in: .fleet, "\(field).id is used by another device too")
            }
            guard nodes.contains(id) else {
                throw ScenarioError(.invalidNetwork, in: .fleet, "\(field) is not a node of the network")
            }
            // A device that is the whole network needs none.
            guard linked.contains(id) || nodes.count == 1 else {
                throw ScenarioError(.invalidNetwork, in: .fleet, "\(field) has no link in network.links")
            }
        }
        guard nodes.contains(gateway) else {
            throw ScenarioError(
                .unknownName, in: .fleet, "gateway names \(MessageText.name(gateway)), which is not a node")
        }
    }
}

extension DescribedDevice {
    fileprivate func check(_ check: FieldCheck, _ field: String) throws(ScenarioError) {
        typealias Key = CodingKeys
        func path(_ key: Key) -> String { "\(field).\(key.rawValue)" }
        try check.name(id.rawValue, path(.id))
        try check.name(type, path(.type))
        try check.label(site, path(.site))
        try check.label(access, path(.access))
        try check.positive(flopsPrefill, path(.flopsPrefill), atMost: 1e18)
        if let flopsFP16 { try check.notNegative(flopsFP16, path(.flopsFP16), atMost: 1e18) }
        if let flopsInt8 { try check.notNegative(flopsInt8, path(.flopsInt8), atMost: 1e18) }
        try check.positive(memoryBandwidth, path(.memoryBandwidth), atMost: 1e16)
        try check.notNegative(Double(memoryUsableBytes), path(.memoryUsableBytes), atMost: 0x1p50)
        try check.notNegative(layerOverheadSeconds, path(.layerOverheadSeconds), atMost: 60)
        if let powerWatts { try check.notNegative(powerWatts, path(.powerWatts), atMost: 1e6) }
    }
}

extension DescribedNetwork {
    fileprivate func check(_ check: FieldCheck) throws(ScenarioError) {
        for (index, node) in nodes.enumerated() {
            let field = FieldPath.element("network.nodes", index, node.id)
            try check.name(node.id, "\(field).id")
            try check.label(node.kind, "\(field).kind")
        }
        for (index, link) in links.enumerated() {
            let field = FieldPath.element("network.links", index, link.id)
            try check.name(link.id, "\(field).id")
            try check.label(link.kind, "\(field).kind")
            try check.name(link.a, "\(field).a")
            try check.name(link.b, "\(field).b")
            try check.positive(link.bytesPerSecond, "\(field).bw_Bps", atMost: 1e15)
            try check.notNegative(link.latencySeconds, "\(field).lat_s", atMost: 3600)
            if let medium = link.sharedMedium { try check.name(medium, "\(field).shared_medium") }
        }
        var media: Set<String> = []
        for (index, medium) in sharedMedia.enumerated() {
            let field = FieldPath.element("network.shared_media", index, medium.id)
            try check.name(medium.id, "\(field).id")
            try check.label(medium.kind, "\(field).kind")
            try check.positive(medium.bytesPerSecond, "\(field).bw_Bps", atMost: 1e15)
            guard media.insert(medium.id).inserted else {
                throw ScenarioError(.duplicateName, in: .fleet, "\(field).id is used by another medium too")
            }
        }
    }

    /// The capacity of every shared medium, bytes/s.
    fileprivate var capacities: [String: Double] {
        Dictionary(sharedMedia.map { ($0.id, $0.bytesPerSecond) }, uniquingKeysWith: { first, _ in first })
    }
}

extension TreeNetwork.Link {
    fileprivate init(_ link: DescribedLink) {
        self.init(
            id: link.id, a: link.a, b: link.b, bytesPerSecond: link.bytesPerSecond,
            latencySeconds: link.latencySeconds, medium: link.sharedMedium)
    }
}
