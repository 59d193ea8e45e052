internal import Domain

/// Draws fleets for tests and comparisons: the same fleet for the same settings and seed.
///
/// What is not set is drawn: how many types there are and which, how many devices each has, the topology, the jitter, and
/// which share of its memory an owner gives.
public struct FleetGenerator: Sendable, Hashable {
    /// How many devices a fleet may have.
    public static let deviceCounts = 2...1024
    /// How many types a drawn mix has at most.
    private static let mostTypes = 6

    /// How many devices.
    public var deviceCount: Int
    /// Decides everything that is not set.
    public var seed: UInt64
    /// How the devices are joined.
    public var topology: FleetTopology?
    /// How many types, at most as many as devices and as the catalogue has.
    public var typeCount: Int?
    /// The jitter j, `0..<1`: a device's compute is its type's times U(1-j, 1), its bandwidth times U(1-j/2, 1), its memory
    /// times U(1-j, 1).
    public var jitter: Double?
    /// Share of its usable memory that every device gives, above 0 and at most 1.
    public var memoryShare: Double?

    /// Makes a generator.
    public init(
        deviceCount: Int, seed: UInt64, topology: FleetTopology? = nil, typeCount: Int? = nil, jitter: Double? = nil,
        memoryShare: Double? = nil
    ) {
        self.deviceCount = deviceCount
        self.seed = seed
        self.topology = topology
        self.typeCount = typeCount
        self.jitter = jitter
        self.memoryShare = memoryShare
    }

    /// Draws the fleet.
    ///
    /// - Throws: `invalidField` for a setting out of range.
    public func fleet() throws(ScenarioError) -> DescribedFleet {
        try checkSettings()
        var random = ScenarioRandom(seed: seed)
        // Everything is drawn in any case, so that setting one thing does not change the others.
        let drawnTopology = random.element(FleetTopology.allCases) ?? .wired
        let drawnTypes = random.whole(1...Self.mostTypes)
        let drawnJitter = random.element([0, 0.1, 0.2, 0.3] as [Double]) ?? 0
        let drawnShare = random.between(0.55, 1)
        let topology = topology ?? drawnTopology
        let jitter = jitter ?? drawnJitter
        let types = mix(min(typeCount ?? drawnTypes, deviceCount), &random)
        let members = devices(types, jitter: jitter, memoryShare: memoryShare ?? drawnShare, &random)
        var draft = NetworkDraft()
        let gateway = join(members, topology, &draft, &random)
        let fleet = DescribedFleet(
            name: "generated-\(deviceCount)-\(seed)",
            title: "\(deviceCount) devices of \(Set(types.map(\.name)).count) types, \(topology.rawValue)",
            devices: draft.devices, network: draft.network, gateway: gateway, jitter: jitter, seed: seed)
        try fleet.check()
        return fleet
    }

    private func checkSettings() throws(ScenarioError) {
        func refuse(_ what: String) -> ScenarioError {
            ScenarioError(.invalidField, in: .fleet, "the generator's \(what)")
        }
        let counts = Self.deviceCounts
        guard counts.contains(deviceCount) else {
            throw refuse("device count is \(deviceCount), it must be in \(counts.lowerBound)...\(counts.upperBound)")
        }
        if let typeCount, !(1...DeviceType.catalogue.count).contains(typeCount) {
            throw refuse("type count is \(typeCount), it must be in 1...\(DeviceType.catalogue.count)")
        }
        if let jitter, !(jitter >= 0 && jitter < 1) {
            throw refuse("jitter is \(jitter), it must be at least 0 and below 1")
        }
        if let memoryShare, !(memoryShare > 0 && memoryShare <= 1) {
            throw refuse("memory share is \(memoryShare), it must be above 0 and at most 1")
        }
    }

    /// The type of every device: each of `count` types once, the rest by weights.
    private func mix(_ count: Int, _ random: inout ScenarioRandom) -> [DeviceType] {
        let types = Array(random.shuffled(DeviceType.catalogue).prefix(count))
        let weights = types.map { _ in random.exponential() + 0.1 }
        var mix = types
        while mix.count < deviceCount { mix.append(types[random.index(weights: weights)]) }
        return mix
    }

    private func devices(
        _ types: [DeviceType], jitter: Double, memoryShare: Double, _ random: inout ScenarioRandom
    ) -> [DescribedDevice] {
        var numbers: [String: Int] = [:]
        var devices: [DescribedDevice] = []
        for type in types {
            numbers[type.prefix, default: 0] += 1
            let number = numbers[type.prefix] ?? 1
            var device = type.device(id: DeviceID(rawValue: "\(type.prefix)-\(number < 10 ? "0" : "")\(number)"))
            let compute = random.between(1 - jitter, 1)
            device.flopsPrefill = (device.flopsPrefill * compute).rounded()
            device.flopsFP16 = device.flopsFP16.map { ($0 * compute).rounded() }
            device.flopsInt8 = device.flopsInt8.map { ($0 * compute).rounded() }
            device.memoryBandwidth = (device.memoryBandwidth * random.between(1 - jitter / 2, 1)).rounded()
            let memory = Double(device.memoryUsableBytes) * memoryShare * random.between(1 - jitter, 1)
            device.memoryUsableBytes = Int(memory)
            devices.append(device)
        }
        return random.shuffled(devices)
    }

    /// Joins the devices; returns the gateway's node.
    private func join(
        _ members: [DescribedDevice], _ topology: FleetTopology, _ draft: inout NetworkDraft,
        _ random: inout ScenarioRandom
    ) -> String {
        switch topology {
        case .wired: return draft.addSite("home", .wired, members, &random)
        case .wireless: return draft.addSite("home", .wireless, members, &random)
        case .fastWired: return draft.addSite("home", .fastWired, members, &random)
        case .sites, .mixed:
            draft.addSwitch("fog", kind: "fog node")
            let most = max(2, min(16, members.count / 4))
            let count = random.whole(2...most)
            let uplinks: [AccessLink] = [.uplink50M, .uplink200M, .uplink500M, .ethernet1G]
            var uplink = random.element(uplinks) ?? .uplink200M
            for number in 0..<count {
                // Sites differ by at most one device.
                let part = members[members.count * number / count..<members.count * (number + 1) / count]
                var site = NetworkDraft.Site.wired
                if topology == .mixed {
                    site = random.element(NetworkDraft.Site.allCases) ?? .wired
                    uplink = random.element(uplinks) ?? uplink
                }
                let hub = draft.addSite("site\(number + 1)", site, Array(part), &random)
                draft.addUplink(uplink, from: hub, to: "fog")
            }
            return "fog"
        }
    }
}
