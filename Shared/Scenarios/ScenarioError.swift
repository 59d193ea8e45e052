/// Why a scenario file could not be read or written, or a fleet, plan or stream not be made.
public struct ScenarioError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// More bytes, lines, devices or links than are accepted.
        case tooLarge = "too_large"
        /// Not JSON, or not lines of comma-separated fields.
        case malformed = "malformed"
        /// A field is missing, of the wrong kind or out of range.
        case invalidField = "invalid_field"
        /// A name that must be unique is used twice.
        case duplicateName = "duplicate_name"
        /// A name that nothing carries.
        case unknownName = "unknown_name"
        /// The network of a fleet is not a tree of described nodes, links and media.
        case invalidNetwork = "invalid_network"
        /// The model cannot be planned for.
        case invalidModel = "invalid_model"
        /// A plan does not place the model on the fleet.
        case invalidPlan = "invalid_plan"
    }

    /// What kind of fault.
    public let code: Code
    /// Names the kind of file and the field, and says what is wrong with it.
    public let message: String
    /// The error underneath, if any.
    public let underlying: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    init(_ code: Code, in kind: FileKind, _ message: String, underlying: (any Error)? = nil) {
        self.init(code, "\(kind.rawValue): \(message)", underlying: underlying)
    }

    /// The message.
    public var description: String { message }
}

/// What an error message starts with.
enum FileKind: String, Sendable {
    case fleet, model, workload, plan
}
