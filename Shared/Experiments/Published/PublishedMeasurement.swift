/// One figure of other people.
public struct PublishedMeasurement: Codable, Sendable, Hashable {
    /// What was measured.
    public enum Quantity: String, Codable, Sendable, Hashable, CaseIterable {
        /// Tokens per second of one sequence that decodes.
        case speed
        /// Milliseconds between two tokens.
        case token
        /// Milliseconds of a token in which the first node computes.
        case compute
        /// Milliseconds of a token in which the first node sends or waits for others.
        case transfer
        /// Kilobytes (of 1024 bytes) that the first node sends for a token.
        case sent
        /// Kilobytes (of 1024 bytes) that the first node receives for a token.
        case received

        /// Its unit.
        public var unit: String {
            switch self {
            case .speed: "tokens/s"
            case .token, .compute, .transfer: "ms"
            case .sent, .received: "KiB"
            }
        }
    }

    /// A name of its own.
    public var id: String { [set, device, model, "\(nodes)", quantity.rawValue].joined(separator: "/") }
    /// Figures of one set were measured with the same software and settings; no two of one set are of the same thing.
    public var set: String
    /// The source that it stands in.
    public var source: String
    /// The device; every node is one.
    public var device: String
    /// What ran there.
    public var software: String
    /// The model with the form of its weights, a name of `PublishedModels`.
    public var model: String
    /// Devices that worked together.
    public var nodes: Int
    /// What connected them; empty for one device.
    public var network: String
    /// Bytes per second of a port of it, as the source or the standard says; `nil` for one device or where that is not known.
    public var linkBytesPerSecond: Double?
    /// What was measured.
    public var quantity: Quantity
    /// The figure, in the quantity's unit.
    public var value: Double
    /// Mean tokens in the KV cache meanwhile; an estimate from the number of generated tokens.
    public var contextTokens: Int

    enum CodingKeys: String, CodingKey {
        case id, set, source, device, software, model, nodes, network, quantity, unit, value
        case contextTokens = "context_tokens"
        case linkBytesPerSecond = "link_bytes_per_second"
    }

    /// Makes a figure.
    public init(
        set: String, source: String, device: String, software: String, model: String, nodes: Int = 1,
        network: String = "", linkBytesPerSecond: Double? = nil, quantity: Quantity = .speed, value: Double,
        contextTokens: Int
    ) {
        self.set = set
        self.source = source
        self.device = device
        self.software = software
        self.model = model
        self.nodes = nodes
        self.network = network
        self.linkBytesPerSecond = linkBytesPerSecond
        self.quantity = quantity
        self.value = value
        self.contextTokens = contextTokens
    }

    /// Reads a figure; its name and unit follow from the rest.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            set: try fields.decode(String.self, forKey: .set), source: try fields.decode(String.self, forKey: .source),
            device: try fields.decode(String.self, forKey: .device),
            software: try fields.decode(String.self, forKey: .software),
            model: try fields.decode(String.self, forKey: .model), nodes: try fields.decode(Int.self, forKey: .nodes),
            network: try fields.decode(String.self, forKey: .network),
            linkBytesPerSecond: try fields.decodeIfPresent(Double.self, forKey: .linkBytesPerSecond),
            quantity: try fields.decode(Quantity.self, forKey: .quantity),
            value: try fields.decode(Double.self, forKey: .value),
            contextTokens: try fields.decode(Int.self, forKey: .contextTokens))
    }

    /// Writes a figure.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(set, forKey: .set)
        try fields.encode(source, forKey: .source)
        try fields.encode(device, forKey: .device)
        try fields.encode(software, forKey: .software)
        try fields.encode(model, forKey: .model)
        try fields.encode(nodes, forKey: .nodes)
        try fields.encode(network, forKey: .network)
        try fields.encodeIfPresent(linkBytesPerSecond, forKey: .linkBytesPerSecond)
        try fields.encode(quantity, forKey: .quantity)
        try fields.encode(quantity.unit, forKey: .unit)
        try fields.encode(value, forKey: .value)
        try fields.encode(contextTokens, forKey: .contextTokens)
    }

    /// Seconds of a token, of its computing or of its transfer; `nil` for bytes.
    public var seconds: Double? {
        switch quantity {
        case .speed: 1 / value
        case .token, .compute, .transfer: value / 1000
        case .sent, .received: nil
        }
    }
}
