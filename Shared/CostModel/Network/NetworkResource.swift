public import Domain

/// Something that flows share when they cross it at the same time: one direction of a cable or port, or the air of a Wi-Fi
/// access point.
public struct NetworkResource: Sendable, Hashable {
    /// Which one.
    public enum Identity: Sendable, Hashable {
        /// Everything that leaves a device (measured networks).
        case out(DeviceID)
        /// Everything that reaches a device (measured networks).
        case into(DeviceID)
        /// Everything from one device to another (measured networks).
        case pair(DeviceID, DeviceID)
        /// One direction of a described link: from its `a` to its `b`, or back.
        case direction(link: String, forward: Bool)
        /// A medium that is shared by both directions of several links.
        case medium(String)
    }

    /// Which one.
    public var id: Identity
    /// Bytes per second that cross it at most.
    public var bytesPerSecond: Double

    /// Makes a resource.
    public init(id: Identity, bytesPerSecond: Double) {
        self.id = id
        self.bytesPerSecond = bytesPerSecond
    }
}

extension NetworkResource.Identity: CustomStringConvertible {
    /// A name for people.
    public var description: String {
        switch self {
        case .out(let device): "what leaves \(device)"
        case .into(let device): "what reaches \(device)"
        case .pair(let from, let to): "the link \(from) -> \(to)"
        case .direction(let link, let forward): "\(link)\(forward ? ">" : "<")"
        case .medium(let name): name
        }
    }
}

/// That a flow crosses a resource, once or more often.
public struct ResourceUse: Sendable, Hashable {
    /// What is crossed.
    public var resource: NetworkResource
    /// How often: traffic between two stations of one access point crosses its air twice.
    public var crossings: Int

    /// Makes a use.
    public init(resource: NetworkResource, crossings: Int = 1) {
        self.resource = resource
        self.crossings = crossings
    }
}
