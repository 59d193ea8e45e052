/// Why something cannot be simulated.
public struct SimulationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Kinds of errors.
    public enum Code: String, Sendable, Hashable {
        /// The plan does not fit fleet and model.
        case invalidPlan
        /// The requests cannot be.
        case invalidTraffic
        /// A setting is out of range.
        case invalidSetting
        /// The system has no plan for the fleet.
        case noPlan
    }

    /// The kind.
    public var code: Code
    /// What is wrong, naming the field.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
