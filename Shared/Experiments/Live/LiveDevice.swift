/// A device of a fleet that is emulated on one machine, by the names that fleet files have.
public struct LiveDevice: Codable, Sendable, Hashable {
    /// Its name; with `count`, a number is added.
    public var id: String
    /// Devices of the kind.
    public var count: Int?
    /// Compute threads.
    public var threads: Int
    /// Share of the threads' time.
    public var computeShare: Double
    /// Memory of each of its workers, such as `512M`.
    public var memoryLimit: String
    /// Bytes per second that leave it, such as `12500000`.
    public var linkRate: String
    /// Milliseconds that what leaves it takes.
    public var linkLatencyMilliseconds: Double

    /// Makes a device.
    public init(
        id: String, count: Int? = nil, threads: Int = 1, computeShare: Double, memoryLimit: String, linkRate: String,
        linkLatencyMilliseconds: Double
    ) {
        self.id = id
        self.count = count
        self.threads = threads
        self.computeShare = computeShare
        self.memoryLimit = memoryLimit
        self.linkRate = linkRate
        self.linkLatencyMilliseconds = linkLatencyMilliseconds
    }

    /// Processors that it and its like take.
    public var processors: Double { Double((count ?? 1) * threads) * computeShare }

    /// How it is emulated, for people.
    public var text: String {
        "\(count.map { "\($0) x " } ?? "")\(id): \(threads) thread\(threads == 1 ? "" : "s") at a share of \(computeShare), "
            + "\(memoryLimit) of memory, \(linkRate) bytes/s and \(linkLatencyMilliseconds) ms for what leaves it"
    }

    private enum CodingKeys: String, CodingKey {
        case id, count, threads
        case computeShare = "compute_share"
        case memoryLimit = "memory_limit"
        case linkRate = "link_rate"
        case linkLatencyMilliseconds = "link_latency_ms"
    }

    /// Says why devices cannot be emulated on a machine of so many processors, or `nil`: devices that together want more than
    /// there is would slow each other down, which no profile knows.
    public static func problem(shares: Double, processors: Int) -> String? {
        guard shares > Double(processors) + 1e-9 else { return nil }
        return
            "the shares of the devices add up to \((shares * 100).rounded() / 100) processors, this machine has \(processors)"
    }
}
