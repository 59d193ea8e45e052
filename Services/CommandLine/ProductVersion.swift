import Protocol

/// The version of the executables.
enum ProductVersion {
    static let number = "0.1.0"
    static let wire = ProtocolVersion.identifier
}
