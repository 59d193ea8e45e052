/// A tensor in a file: where it lies and how it is stored.
public struct GGUFTensor: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its shape in the order of the file: the row length first; 1 to 4 numbers above zero.
    public let shape: [Int]
    /// How its values are stored.
    public let type: GGUFTensorType
    /// Where its bytes start in the file.
    public let offset: Int
    /// Its bytes, without padding.
    public let byteCount: Int
}
