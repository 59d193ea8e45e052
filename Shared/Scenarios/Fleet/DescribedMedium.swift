/// One half-duplex resource of all links that name it.
public struct DescribedMedium: Sendable, Hashable {
    /// Its name.
    public var id: String
    /// What it is, for people.
    public var kind: String
    /// Bytes per second in both directions together.
    public var bytesPerSecond: Double

    /// Makes a medium.
    public init(id: String, kind: String = "", bytesPerSecond: Double) {
        self.id = id
        self.kind = kind
        self.bytesPerSecond = bytesPerSecond
    }
}

extension DescribedMedium: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, kind
        case bytesPerSecond = "bw_Bps"
    }

    /// Decodes a medium; `kind` may be missing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        kind = try container.decodeIfPresent(String.self, forKey: .kind) ?? ""
        bytesPerSecond = try container.decode(Double.self, forKey: .bytesPerSecond)
    }
}
