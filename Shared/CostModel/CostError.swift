/// Why costs could not be estimated.
public struct CostError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault.
    public enum Code: String, Sendable, Hashable {
        /// A field of a model description is out of range.
        case invalidModel = "invalid_model"
        /// A device's tables hold no usable sample.
        case noMeasurements = "no_measurements"
        /// A figure of a device or a link is out of range.
        case invalidFigure = "invalid_figure"
    }

    /// What kind of fault.
    public let code: Code
    /// Names the device or field and what is wrong with it.
    public let message: String
    /// The error underneath, if any.
    public let underlying: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
