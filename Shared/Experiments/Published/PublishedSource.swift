/// Where figures of other people stand.
public struct PublishedSource: Codable, Sendable, Hashable {
    /// A short name that measurements refer to.
    public var id: String
    /// Its title.
    public var title: String
    /// Its address.
    public var address: String
    /// When it was published or last changed, as `yyyy-mm-dd`, or as much of it as is known.
    public var date: String

    init(_ id: String, _ title: String, _ address: String, _ date: String) {
        self.id = id
        self.title = title
        self.address = address
        self.date = date
    }
}

/// A device that somebody measured.
public struct PublishedDevice: Codable, Sendable, Hashable {
    /// What computes on it.
    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        /// The cores of a processor.
        case processor
        /// A graphics card, or the graphics cores of a processor.
        case accelerator
        /// Several different devices.
        case fleet
    }

    /// A short name that measurements refer to.
    public var id: String
    /// What computes on it.
    public var kind: Kind
    /// What it is, for people.
    public var title: String

    init(_ id: String, _ kind: Kind, _ title: String) {
        self.id = id
        self.kind = kind
        self.title = title
    }
}
