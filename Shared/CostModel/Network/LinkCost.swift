public import Domain

/// The cost of one directed link: `latency + bytes / bandwidth`.
public struct LinkCost: Sendable, Hashable {
    /// One-way latency in seconds.
    public var latencySeconds: Double
    /// Bytes per second.
    public var bytesPerSecond: Double

    /// Makes a link.
    public init(latencySeconds: Double, bytesPerSecond: Double) {
        self.latencySeconds = latencySeconds
        self.bytesPerSecond = bytesPerSecond
    }

    /// What an unmeasured link is taken for: 100 Mbit/s with 2 ms one way, a slow home network. Plans made with it lose
    /// little on a faster link; a plan that trusted a fast link on a slow one would stall.
    public static let unmeasured = LinkCost(latencySeconds: 0.002, bytesPerSecond: 12_500_000)
    /// Two stages on one device: nothing travels.
    public static let local = LinkCost(latencySeconds: 0, bytesPerSecond: .infinity)

    /// Seconds to move `bytes` bytes.
    public func seconds(bytes: Double) -> Double { latencySeconds + max(0, bytes) / bytesPerSecond }
}

/// The links of a fleet.
public struct NetworkCost: Sendable, Hashable {
    private struct Pair: Hashable, Sendable {
        var from: DeviceID
        var to: DeviceID
    }

    private var links: [Pair: LinkCost] = [:]
    /// What stands in for a link that was measured in neither direction.
    public var unmeasured: LinkCost

    /// Makes a network of measured links. A link with an impossible figure counts as unmeasured; a link measured in one
    /// direction only stands for both.
    public init(links: [LinkProfile], unmeasured: LinkCost = .unmeasured) {
        self.unmeasured = unmeasured
        for link in links {
            guard link.latencySeconds >= 0, link.latencySeconds.isFinite, link.bytesPerSecond > 0,
                !link.bytesPerSecond.isNaN
            else { continue }
            self.links[Pair(from: link.from, to: link.to)] = LinkCost(
                latencySeconds: link.latencySeconds, bytesPerSecond: link.bytesPerSecond)
        }
    }

    /// The link between two devices.
    public func link(from: DeviceID, to: DeviceID) -> LinkCost {
        if from == to { return .local }
        return links[Pair(from: from, to: to)] ?? links[Pair(from: to, to: from)] ?? unmeasured
    }

    /// Seconds to move `bytes` bytes from one device to another; 0 on the same device.
    public func hopSeconds(from: DeviceID, to: DeviceID, bytes: Double) -> Double {
        link(from: from, to: to).seconds(bytes: bytes)
    }
}
