/// The matrix product of one shape and type on its own.
public struct MatrixFigures: Sendable, Codable, Hashable {
    /// A tensor of this shape and type.
    public var tensor: String
    /// How it is stored in the file.
    public var type: String
    /// Outputs.
    public var outputs: Int
    /// Inputs.
    public var inputs: Int
    /// Rows of activations.
    public var rows: Int
    /// Billions of multiply-adds per second.
    public var gmacs: Double
    /// `gmacs` over the peak of int8 multiply-adds.
    public var shareOfPeak: Double
    /// Billions of weight bytes per second; from a cache where the matrix fits one.
    public var weightGBPerSecond: Double

    enum CodingKeys: String, CodingKey {
        case tensor, type, outputs, inputs, rows, gmacs
        case shareOfPeak = "share_of_peak"
        case weightGBPerSecond = "weight_gb_per_s"
    }
}
