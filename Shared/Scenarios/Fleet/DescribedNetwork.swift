/// A network as a fleet file describes it: a tree of nodes and links, with media that several links use together.
public struct DescribedNetwork: Sendable, Hashable {
    /// Devices, switches and fog nodes; the first is the root of the tree in error messages.
    public var nodes: [DescribedNode]
    /// Links between the nodes.
    public var links: [DescribedLink]
    /// Media that links share, for example the air of an access point.
    public var sharedMedia: [DescribedMedium]

    /// Makes a network.
    public init(nodes: [DescribedNode], links: [DescribedLink], sharedMedia: [DescribedMedium] = []) {
        self.nodes = nodes
        self.links = links
        self.sharedMedia = sharedMedia
    }
}

extension DescribedNetwork: Codable {
    enum CodingKeys: String, CodingKey {
        case nodes, links
        case sharedMedia = "shared_media"
    }

    /// Decodes a network; `shared_media` may be missing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        nodes = try container.decode([DescribedNode].self, forKey: .nodes)
        links = try container.decode([DescribedLink].self, forKey: .links)
        sharedMedia = try container.decodeIfPresent([DescribedMedium].self, forKey: .sharedMedia) ?? []
    }
}
