internal import Foundation

/// The values of a run of the planner suite.
public struct PlannerSuiteResult: Codable, Sendable, Hashable {
    /// What was run.
    public var settings: PlannerSuiteSettings
    /// The small fleets beside their optimum.
    public var small: [SmallOutcome]
    /// The fleets beside the baselines.
    public var fleets: [FleetOutcome]
    /// Seconds of the whole run.
    public var seconds: Double

    /// Makes a result.
    public init(
        settings: PlannerSuiteSettings, small: [SmallOutcome] = [], fleets: [FleetOutcome] = [], seconds: Double = 0
    ) {
        self.settings = settings
        self.small = small
        self.fleets = fleets
        self.seconds = seconds
    }

    /// What the small fleets say together.
    public var smallSummary: SmallSummary { SmallSummary(small) }

    /// What the fleets say together in a mode.
    public func fleetSummary(_ mode: SuiteMode) -> FleetSummary {
        FleetSummary(mode: mode, fleets.filter { $0.mode == mode })
    }

    /// The values as a JSON file, the summaries included.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + Array("\n".utf8)
    }

    private enum CodingKeys: String, CodingKey {
        case settings, small, fleets, seconds, summary
    }

    private struct Summary: Encodable {
        var small: SmallSummary
        var fleets: [FleetSummary]
    }

    /// Decodes the values; summaries are computed from them.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        settings = try container.decode(PlannerSuiteSettings.self, forKey: .settings)
        small = try container.decode([SmallOutcome].self, forKey: .small)
        fleets = try container.decode([FleetOutcome].self, forKey: .fleets)
        seconds = try container.decode(Double.self, forKey: .seconds)
    }

    /// Encodes the values with their summaries.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(settings, forKey: .settings)
        try container.encode(small, forKey: .small)
        try container.encode(fleets, forKey: .fleets)
        try container.encode(seconds, forKey: .seconds)
        try container.encode(
            Summary(small: smallSummary, fleets: SuiteMode.allCases.map(fleetSummary)), forKey: .summary)
    }
}
