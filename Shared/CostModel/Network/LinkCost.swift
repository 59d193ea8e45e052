/// The cost of one directed way between two devices: `latency + bytes / bandwidth`.
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
