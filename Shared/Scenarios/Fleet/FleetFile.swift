internal import Foundation

/// The file `fleets/NAME.json`.
public enum FleetFile {
    /// Most bytes that are read unless told otherwise; a fleet of 4096 devices has about 3 MB.
    public static let byteLimit = 16 << 20

    /// Reads and checks a fleet from the bytes of its file (also `String.utf8`); unknown fields are ignored.
    ///
    /// - Throws: `tooLarge`, `malformed`, or what is wrong with a field, naming it.
    public static func read(
        _ bytes: some Collection<UInt8>, limit: Int = byteLimit
    ) throws(ScenarioError) -> DescribedFleet {
        let fleet = try JSONDocument(kind: .fleet, limit: limit)
            .read(bytes, as: DescribedFleet.self) { FleetNames(bytes: $2)?.name($0, $1) }
        try fleet.check()
        return fleet
    }

    /// The bytes of a fleet's file, for `read`.
    ///
    /// - Throws: what `DescribedFleet.check` finds.
    public static func write(_ fleet: DescribedFleet) throws(ScenarioError) -> [UInt8] {
        try fleet.check()
        return try JSONDocument(kind: .fleet, limit: byteLimit).write(fleet)
    }
}

/// The names in a fleet file of which something else is wrong.
private struct FleetNames: Decodable {
    struct Network: Decodable {
        var nodes: [NamedElement]?
        var links: [NamedElement]?
        var sharedMedia: [NamedElement]?

        private enum CodingKeys: String, CodingKey {
            case nodes, links
            case sharedMedia = "shared_media"
        }
    }

    var devices: [NamedElement]?
    var network: Network?

    init?(bytes: [UInt8]) {
        guard let names = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
        self = names
    }

    func name(_ list: String, _ index: Int) -> String? {
        let names: [NamedElement]? =
            switch list {
            case "devices": devices
            case "network.nodes": network?.nodes
            case "network.links": network?.links
            case "network.shared_media": network?.sharedMedia
            default: nil
            }
        guard let names, names.indices.contains(index) else { return nil }
        return names[index].id
    }
}
