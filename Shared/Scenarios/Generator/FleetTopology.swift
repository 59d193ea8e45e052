/// How the devices of a generated fleet are joined.
public enum FleetTopology: String, Sendable, Hashable, CaseIterable {
    /// One switch, 1 Gbit/s to every device.
    case wired = "wired"
    /// One switch with access points: some devices share the air of one.
    case wireless = "wireless"
    /// One switch, 2.5 Gbit/s to every device.
    case fastWired = "fast-wired"
    /// Several sites of 1 Gbit/s, joined by slower lines to a fog node.
    case sites = "sites"
    /// Sites of different kinds, joined by lines of different rates to a fog node.
    case mixed = "mixed"
}
