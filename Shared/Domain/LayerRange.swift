/// A contiguous range of layers, half-open: `start..<end`.
public struct LayerRange: Codable, Sendable, Hashable, CustomStringConvertible {
    /// The first layer.
    public let start: Int
    /// The layer after the last one.
    public let end: Int

    /// Makes a range; an end before the start gives an empty range.
    public init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = max(start, end)
    }

    /// How many layers the range holds.
    public var count: Int { end - start }
    /// Whether the range holds no layer.
    public var isEmpty: Bool { end <= start }
    /// The layers as a Swift range.
    public var range: Range<Int> { start..<end }
    /// Whether `layer` lies in the range.
    public func contains(_ layer: Int) -> Bool { layer >= start && layer < end }
    /// Whether all layers of another range lie in this one.
    public func contains(_ other: LayerRange) -> Bool { other.start >= start && other.end <= end }
    /// Whether both ranges hold a layer.
    public func overlaps(_ other: LayerRange) -> Bool { intersection(other) != nil }
    /// The layers that both ranges hold, or `nil` where they share none.
    public func intersection(_ other: LayerRange) -> LayerRange? {
        let low = max(start, other.start)
        let high = min(end, other.end)
        return low < high ? LayerRange(low, high) : nil
    }
    /// `start..<end`.
    public var description: String { "\(start)..<\(end)" }

    /// Decodes and checks a range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let start = try container.decode(Int.self, forKey: .start)
        let end = try container.decode(Int.self, forKey: .end)
        guard start >= 0, end >= start, end <= 1 << 20 else {
            throw DecodingError.dataCorruptedError(
                forKey: .end, in: container, debugDescription: "a layer range must have 0 <= start <= end")
        }
        self.start = start
        self.end = end
    }

    private enum CodingKeys: String, CodingKey {
        case start, end
    }
}
