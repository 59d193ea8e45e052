/// A full-duplex link between two nodes.
public struct DescribedLink: Sendable, Hashable {
    /// Its name.
    public var id: String
    /// One end.
    public var a: String
    /// The other end.
    public var b: String
    /// What it is, for people (`1gbe`, `wifi5`, ...).
    public var kind: String
    /// Bytes per second in each direction.
    public var bytesPerSecond: Double
    /// One-way latency in seconds.
    public var latencySeconds: Double
    /// The shared medium that it uses in addition.
    public var sharedMedium: String?

    /// Makes a link.
    public init(
        id: String, a: String, b: String, kind: String = "", bytesPerSecond: Double, latencySeconds: Double,
        sharedMedium: String? = nil
    ) {
        self.id = id
        self.a = a
        self.b = b
        self.kind = kind
        self.bytesPerSecond = bytesPerSecond
        self.latencySeconds = latencySeconds
        self.sharedMedium = sharedMedium
    }
}

extension DescribedLink: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, a, b, kind
        case bytesPerSecond = "bw_Bps"
        case latencySeconds = "lat_s"
        case sharedMedium = "shared_medium"
    }

    /// Decodes a link; `kind` and `shared_medium` may be missing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        a = try container.decode(String.self, forKey: .a)
        b = try container.decode(String.self, forKey: .b)
        kind = try container.decodeIfPresent(String.self, forKey: .kind) ?? ""
        bytesPerSecond = try container.decode(Double.self, forKey: .bytesPerSecond)
        latencySeconds = try container.decode(Double.self, forKey: .latencySeconds)
        sharedMedium = try container.decodeIfPresent(String.self, forKey: .sharedMedium)
    }
}
