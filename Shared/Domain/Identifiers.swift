/// A name that identifies one thing; each kind of thing has its own type so that they cannot be confused.
///
/// On the wire an identifier is a plain JSON string.
public protocol Identifier: RawRepresentable, Hashable, Comparable, Codable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// Makes an identifier; any string is accepted here, receivers check what they need.
    init(rawValue: String)
}

extension Identifier {
    /// Makes an identifier.
    public init(_ value: String) { self.init(rawValue: value) }
    /// Makes an identifier from a literal.
    public init(stringLiteral value: String) { self.init(rawValue: value) }
    /// Decodes an identifier from a JSON string.
    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    /// Encodes the identifier as a JSON string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    /// The text itself.
    public var description: String { rawValue }
    /// Lexicographic order, used wherever a result must not depend on hashing.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One machine or container; both of its worker processes carry this id.
public struct DeviceID: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes an id.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// One complete copy of the model in a placement plan.
public struct ReplicaID: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes an id.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// One request of one client; unguessable, made by the gateway.
public struct RequestID: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes an id.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// One placement plan.
public struct PlanID: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes an id.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// The identity of a model file: a SHA-256 over its header in lower-case hexadecimal.
public struct ModelDigest: Identifier {
    /// The text.
    public let rawValue: String
    /// Makes a digest.
    public init(rawValue: String) { self.rawValue = rawValue }
}

/// The number of a plan in force; every newer plan has a larger epoch, and messages of older epochs are refused.
public typealias Epoch = UInt64
