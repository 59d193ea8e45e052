/// A point where links meet or end.
public struct DescribedNode: Sendable, Hashable {
    /// Its name; a device's id for a device.
    public var id: String
    /// What it is, for people.
    public var kind: String

    /// The kind of a device's node.
    public static let deviceKind = "device"
    /// The kind of a node that only passes traffic on.
    public static let switchKind = "site switch or router"

    /// Makes a node.
    public init(id: String, kind: String = "") {
        self.id = id
        self.kind = kind
    }
}

extension DescribedNode: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, kind
    }

    /// Decodes a node; `kind` may be missing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(String.self, forKey: .id)
        kind = try container.decodeIfPresent(String.self, forKey: .kind) ?? ""
    }
}
