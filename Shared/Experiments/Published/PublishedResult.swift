internal import Foundation

/// A figure beside its prediction.
public struct PublishedRow: Codable, Sendable, Hashable {
    /// The kind of prediction.
    public var group: PublishedGroup
    /// The published figure.
    public var figure: PublishedMeasurement
    /// The figures that it was predicted from.
    public var basis: [String]
    /// What was predicted, in the figure's unit.
    public var predicted: Double

    /// Predicted over published, minus 1.
    public var error: Double { predicted / figure.value - 1 }

    enum CodingKeys: String, CodingKey { case group, figure, basis, predicted }
}

/// How good the predictions of a group are.
public struct PublishedSummary: Codable, Sendable, Hashable {
    /// The group.
    public var group: PublishedGroup
    /// How many figures.
    public var count: Int
    /// The median of the errors without sign.
    public var medianError: Double?
    /// Their mean.
    public var meanError: Double?
    /// The largest one.
    public var worstError: Double?
    /// The share of figures within the target; `nil` without one.
    public var shareWithin: Double?
    /// Whether the mean is within the target; `nil` without one, or without figures.
    public var isReached: Bool?

    enum CodingKeys: String, CodingKey {
        case group, count
        case medianError = "median_error"
        case meanError = "mean_error"
        case worstError = "worst_error"
        case shareWithin = "share_within"
        case isReached = "is_reached"
    }

    /// Sums up rows of one group.
    public init(_ group: PublishedGroup, _ rows: [PublishedRow]) {
        let errors = rows.map(\.error.magnitude)
        self.group = group
        count = rows.count
        medianError = Averages.median(errors)
        meanError = errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
        worstError = errors.max()
        shareWithin = group.target.flatMap { target in Averages.share(errors) { $0 <= target } }
        isReached = group.target.flatMap { target in meanError.map { $0 <= target } }
    }
}

/// Other people's figures beside the cost model.
public struct PublishedResult: Codable, Sendable, Hashable {
    /// Where the figures stand.
    public var sources: [PublishedSource]
    /// What they are of.
    public var devices: [PublishedDevice]
    /// All figures, those that predict and those that nothing predicts among them.
    public var measurements: [PublishedMeasurement]
    /// The predictions, group by group.
    public var rows: [PublishedRow]
    /// A summary of every group.
    public var summaries: [PublishedSummary]

    /// Predictions of a group.
    public func rows(_ group: PublishedGroup) -> [PublishedRow] { rows.filter { $0.group == group } }

    /// Figures that neither predict nor are predicted.
    public var unused: [PublishedMeasurement] {
        let used = Set(rows.flatMap { $0.basis + [$0.figure.id] })
        return measurements.filter { !used.contains($0.id) }
    }

    /// The values as a JSON file.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + Array("\n".utf8)
    }

    /// One line a prediction.
    public var csv: String {
        let head = [
            "group", "device", "model", "nodes", "software", "quantity", "unit", "published", "predicted", "error",
            "basis",
            "source", "address", "date",
        ]
        let lines = rows.map { row -> [String] in
            let figure = row.figure
            let source = sources.first { $0.id == figure.source }
            return [
                row.group.rawValue, figure.device, figure.model, "\(figure.nodes)", figure.software,
                figure.quantity.rawValue, figure.quantity.unit, "\(figure.value)", "\(row.predicted)", "\(row.error)",
                row.basis.joined(separator: " "), figure.source, source?.address ?? "", source?.date ?? "",
            ]
        }
        return ([head] + lines).map { $0.map(Self.cell).joined(separator: ",") }.joined(separator: "\n") + "\n"
    }

    private static func cell(_ text: String) -> String {
        guard text.contains(where: { ",\"\n".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
