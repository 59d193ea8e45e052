/// Why an experiment could not run.
public struct ExperimentError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// A model that the catalogue does not have.
        case unknownModel = "unknown_model"
        /// No fleet of the size holds the model.
        case noFleet = "no_fleet"
        /// A setting out of range.
        case invalidSettings = "invalid_settings"
    }

    /// What kind of fault.
    public let code: Code
    /// What is wrong, for people.
    public let message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
