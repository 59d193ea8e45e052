import Domain
import Protocol

extension ProductVersion {
    /// The version of the protocol that the executables speak.
    static let wire = ProtocolVersion.identifier
}
