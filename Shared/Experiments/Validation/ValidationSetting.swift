/// A fleet on which the simulator is held against reality.
public struct ValidationSetting: Codable, Sendable, Hashable {
    /// Its name for command lines.
    public var name: String
    /// What it is, for people.
    public var title: String
    /// The devices.
    public var devices: [LiveDevice]
    /// Roles that plans may have, as `clusterer.roles` has them.
    public var roles: String

    /// All settings.
    public static let all: [ValidationSetting] = [
        ValidationSetting(
            name: "default-fleet", title: "four unequal devices, split, as in compose/fleets/local.yaml",
            devices: local,
            roles: "split"),
        ValidationSetting(
            name: "one-device", title: "one device, which does everything",
            devices: [device("solo", share: 0.9, memory: "512M")], roles: "any"),
        ValidationSetting(
            name: "two-equal", title: "two equal devices, the planner chooses",
            devices: [device("twin", count: 2, share: 0.7)], roles: "any"),
        ValidationSetting(
            name: "split", title: "two equal devices, one for each phase",
            devices: [device("twin", count: 2, share: 0.7)], roles: "split"),
        ValidationSetting(
            name: "mixed", title: "four unequal devices, every replica does both phases", devices: local, roles: "mixed"
        ),
        ValidationSetting(
            name: "link-100", title: "one device for each phase, 100 Mbit/s between them",
            devices: [device("twin", count: 2, share: 0.7, link: "12500000")], roles: "split"),
        ValidationSetting(
            name: "link-20", title: "one device for each phase, 20 Mbit/s between them",
            devices: [device("twin", count: 2, share: 0.7, link: "2500000")], roles: "split"),
    ]

    private static let local = [
        device("desktop", share: 0.7, memory: "512M"), device("laptop", share: 0.5),
        device("board", count: 2, share: 0.35, memory: "144M", link: "60M", latency: 1),
    ]

    private static func device(
        _ id: String, count: Int? = nil, share: Double, memory: String = "384M", link: String = "110M",
        latency: Double = 0.3
    ) -> LiveDevice {
        LiveDevice(
            id: id, count: count, computeShare: share, memoryLimit: memory, linkRate: link,
            linkLatencyMilliseconds: latency)
    }

    /// The settings of some names; all where there are none.
    ///
    /// - Throws: `invalidSettings` for a name that is not known, with those that are.
    public static func named(_ names: [String]) throws(ExperimentError) -> [ValidationSetting] {
        for name in names where !all.contains(where: { $0.name == name }) {
            let known = all.map(\.name).joined(separator: ", ")
            throw ExperimentError(.invalidSettings, "there is no setting \(name); settings are \(known)")
        }
        return names.isEmpty ? all : all.filter { names.contains($0.name) }
    }
}

/// How long a validation is.
public struct ValidationSize: Codable, Sendable, Hashable {
    /// Prepared sizes.
    public enum Name: String, Codable, Sendable, Hashable, CaseIterable {
        /// One rate, short runs.
        case quick
        /// Three rates.
        case standard
    }

    /// Shares of what a setting sustains in simulation.
    public var shares: [Double]
    /// Seconds over which the requests of a run arrive.
    public var spanSeconds: Double
    /// Fewest and most requests of a run.
    public var leastRequests: Int
    /// Most requests of a run.
    public var mostRequests: Int

    /// Takes a prepared size.
    public init(_ name: Name) {
        shares = name == .quick ? [0.5] : [0.3, 0.5, 0.7]
        spanSeconds = name == .quick ? 30 : 60
        leastRequests = 30
        mostRequests = name == .quick ? 60 : 100
    }

    /// Requests of a run at a rate.
    public func requests(rate: Double) -> Int {
        let wanted = rate * spanSeconds
        return min(mostRequests, max(leastRequests, wanted.isFinite ? Int(wanted.rounded()) : mostRequests))
    }
}
