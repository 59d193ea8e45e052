internal import Foundation

/// The values of a run of the paper's table.
public struct PaperResult: Codable, Sendable, Hashable {
    /// What was run.
    public var settings: PaperSettings
    /// The cells: slowdown by slowdown, workload by workload, interval by interval, system by system.
    public var outcomes: [PaperOutcome]
    /// One cell again with other settings.
    public var variations: [PaperVariation]
    /// Seconds of the whole run.
    public var seconds: Double

    /// Makes a result.
    public init(
        settings: PaperSettings, outcomes: [PaperOutcome] = [], variations: [PaperVariation] = [], seconds: Double = 0
    ) {
        self.settings = settings
        self.outcomes = outcomes
        self.variations = variations
        self.seconds = seconds
    }

    /// The values as a JSON file.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + Array("\n".utf8)
    }

    /// One line for each cell and system, with the paper's figure beside it.
    public var csv: String { PaperCSV(result: self).text }
}

/// The cell of the sensitivity study with one setting changed.
public struct PaperVariation: Codable, Sendable, Hashable {
    /// What differs.
    public var label: String
    /// What came out for each system.
    public var outcomes: [PaperOutcome]

    /// Makes a variation.
    public init(label: String, outcomes: [PaperOutcome]) {
        self.label = label
        self.outcomes = outcomes
    }
}
