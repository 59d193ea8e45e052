/// A service that a process is not connected to.
struct UnreachablePeer: Sendable, Hashable, CustomStringConvertible {
    /// The service.
    var name: String
    /// Where it should be.
    var endpoint: String

    var description: String { "\(name) at \(endpoint)" }
}
