/// How a fleet is imagined to differ from what it is.
public struct FleetChanges: Codable, Sendable, Hashable {
    /// Another speed of a link, in one direction.
    public struct Link: Codable, Sendable, Hashable {
        /// The sending device.
        public var from: DeviceID
        /// The receiving device.
        public var to: DeviceID
        /// One-way latency in seconds; absent leaves it as measured.
        public var latencySeconds: Double?
        /// Bytes per second; absent leaves it as measured.
        public var bytesPerSecond: Double?

        /// Makes a change.
        public init(from: DeviceID, to: DeviceID, latencySeconds: Double? = nil, bytesPerSecond: Double? = nil) {
            self.from = from
            self.to = to
            self.latencySeconds = latencySeconds
            self.bytesPerSecond = bytesPerSecond
        }

        /// The same change of the other direction.
        public var reversed: Link {
            Link(from: to, to: from, latencySeconds: latencySeconds, bytesPerSecond: bytesPerSecond)
        }

        private enum CodingKeys: String, CodingKey {
            case from, to
            case latencySeconds = "latency_s"
            case bytesPerSecond = "bytes_per_s"
        }
    }

    /// Why changes cannot be made.
    public struct Problem: Error, Sendable, Hashable {
        /// The list with what is wrong: `without`, `links` or `slowdowns`.
        public var field: String
        /// What is wrong.
        public var message: String
    }

    /// Devices that are not there.
    public var without: [DeviceID]
    /// Links that are otherwise than measured; the last change of a direction counts.
    public var links: [Link]
    /// Devices that are slower than measured; of several factors of a device the largest counts.
    public var slowdowns: [DeviceSlowdown]

    /// Most entries of each list.
    public static let mostEntries = 4096
    /// Times as long as measured.
    public static let factors = 1.0...1000
    /// Seconds of latency.
    public static let latencies = 0.0...1e6
    /// Bytes per second.
    public static let speeds = 1.0...1e15

    /// Makes changes.
    public init(without: [DeviceID] = [], links: [Link] = [], slowdowns: [DeviceSlowdown] = []) {
        self.without = without
        self.links = links
        self.slowdowns = slowdowns
    }

    /// Why they cannot be made to a fleet; `nil` where they can.
    public func problem(in fleet: Fleet) -> Problem? {
        for (field, count) in [("without", without.count), ("links", links.count), ("slowdowns", slowdowns.count)]
        where count > Self.mostEntries {
            return Problem(field: field, message: "\(count) entries are more than \(Self.mostEntries)")
        }
        let known = Set(fleet.devices.map(\.id))
        func unknown(_ field: String, _ devices: [DeviceID]) -> Problem? {
            devices.first { !known.contains($0) }.map {
                Problem(field: field, message: "there is no device called \($0.rawValue.prefix(128))")
            }
        }
        if let problem = unknown("without", without) { return problem }
        if let problem = unknown("links", links.flatMap { [$0.from, $0.to] }) { return problem }
        if let problem = unknown("slowdowns", slowdowns.map(\.device)) { return problem }
        for link in links {
            if let message = link.problem(measured: fleet.link(from: link.from, to: link.to)) {
                return Problem(field: "links", message: message)
            }
        }
        for slowdown in slowdowns where !Self.factors.contains(slowdown.factor) {
            return Problem(
                field: "slowdowns",
                message: "the factor of \(slowdown.device) must be from \(Self.factors.lowerBound) to "
                    + "\(Self.factors.upperBound), not \(slowdown.factor)")
        }
        return nil
    }
}

extension FleetChanges.Link {
    fileprivate func problem(measured: LinkProfile?) -> String? {
        guard from != to else { return "\(from) has no link to itself" }
        guard latencySeconds != nil || bytesPerSecond != nil else {
            return "\(from) to \(to): neither a latency nor a speed is given"
        }
        if let latencySeconds, !FleetChanges.latencies.contains(latencySeconds) {
            return "\(from) to \(to): a latency of \(latencySeconds) s is out of range"
        }
        if let bytesPerSecond, !FleetChanges.speeds.contains(bytesPerSecond) {
            return "\(from) to \(to): \(bytesPerSecond) bytes per second are out of range"
        }
        guard measured != nil || (latencySeconds != nil && bytesPerSecond != nil) else {
            return "\(from) to \(to) is not measured: it needs both a latency and a speed"
        }
        return nil
    }
}

extension Fleet {
    /// The fleet with other links. Links that are neither measured nor given in full stay away.
    public func changing(_ changes: [FleetChanges.Link]) -> Fleet {
        struct Direction: Hashable {
            var from: DeviceID
            var to: DeviceID
        }
        var links = Dictionary(links.map { (Direction(from: $0.from, to: $0.to), $0) }) { first, _ in first }
        for change in changes {
            let direction = Direction(from: change.from, to: change.to)
            let measured = links[direction]
            guard let latency = change.latencySeconds ?? measured?.latencySeconds,
                let speed = change.bytesPerSecond ?? measured?.bytesPerSecond
            else { continue }
            links[direction] = LinkProfile(
                from: change.from, to: change.to, latencySeconds: latency, bytesPerSecond: speed)
        }
        var fleet = self
        fleet.links = links.values.sorted { ($0.from, $0.to) < ($1.from, $1.to) }
        return fleet
    }
}
