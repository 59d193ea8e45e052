/// A kind of link with the figures that it usually sustains.
public struct AccessLink: Sendable, Hashable {
    /// Its name in fleet files.
    public let kind: String
    /// Bytes per second in each direction.
    public let bytesPerSecond: Double
    /// One-way latency in seconds.
    public let latencySeconds: Double
    /// Bytes per second of the air that all stations of an access point share; `nil` for a cable.
    public let mediumBytesPerSecond: Double?

    /// 100 Mbit/s Ethernet at 94 % (frame headers).
    public static let ethernet100M = AccessLink("100mbe", 11_750_000, 0.0003)
    /// 1 Gbit/s Ethernet at 94 %.
    public static let ethernet1G = AccessLink("1gbe", 117_500_000, 0.0002)
    /// 2.5 Gbit/s Ethernet at 94 %.
    public static let ethernet2G5 = AccessLink("2.5gbe", 293_750_000, 0.00015)
    /// 10 Gbit/s Ethernet at 94 %.
    public static let ethernet10G = AccessLink("10gbe", 1_175_000_000, 0.0001)
    /// Wi-Fi 5 with 80 MHz: 200 Mbit/s of a station, 250 Mbit/s of the air.
    public static let wifi5 = AccessLink("wifi5", 25_000_000, 0.0025, medium: 31_250_000)
    /// Wi-Fi 6 with 80 MHz: 480 Mbit/s of a station, 600 Mbit/s of the air.
    public static let wifi6 = AccessLink("wifi6", 60_000_000, 0.002, medium: 75_000_000)
    /// A metropolitan line of 500 Mbit/s between sites.
    public static let uplink500M = AccessLink("uplink-500m", 58_750_000, 0.003)
    /// A line of 200 Mbit/s between sites.
    public static let uplink200M = AccessLink("uplink-200m", 23_500_000, 0.006)
    /// A line of 50 Mbit/s between sites.
    public static let uplink50M = AccessLink("uplink-50m", 5_875_000, 0.012)

    private init(_ kind: String, _ rate: Double, _ latency: Double, medium: Double? = nil) {
        self.kind = kind
        bytesPerSecond = rate
        latencySeconds = latency
        mediumBytesPerSecond = medium
    }

    /// A link of this kind from a node to another, named after the first.
    func link(from node: String, to other: String, medium: String? = nil) -> DescribedLink {
        DescribedLink(
            id: "L-\(node)", a: node, b: other, kind: kind, bytesPerSecond: bytesPerSecond,
            latencySeconds: latencySeconds, sharedMedium: medium)
    }
}
