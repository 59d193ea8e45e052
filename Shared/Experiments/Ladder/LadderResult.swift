internal import Foundation
internal import Simulation

/// The values of a run of the ladder.
public struct LadderResult: Codable, Sendable, Hashable {
    /// What was run.
    public var settings: LadderSettings
    /// Names of the streams.
    public var streams: [String]
    /// One line a scenario.
    public var outcomes: [LadderOutcome]
    /// Seconds of the whole run.
    public var seconds: Double

    /// What the scenarios say together, by mode.
    public var summaries: [LadderSummary] {
        settings.modes.map { mode in
            LadderSummary(mode: mode, outcomes.filter { $0.scenario.mode == mode }, shares: settings.shares)
        }
    }

    /// The values as a JSON file, with the summaries.
    ///
    /// - Throws: what the encoder throws for a number that is not finite.
    public func json() throws -> [UInt8] {
        struct File: Encodable {
            var result: LadderResult
            var summaries: [LadderSummary]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(File(result: self, summaries: summaries))) + Array("\n".utf8)
    }

    /// One line a measure.
    public var csv: String {
        var lines = [
            "devices,seed,model,stream,mode,n,baseline,share,rate,capacity_e2llm,capacity_baseline,system,w_total_s,"
                + "w_total_p90_s,w_prefill_s,w_kvmem_s,t_kv_s,w_decode_s,stall_s,ttft_s,tpot_s,e2e_s,throughput"
        ]
        for outcome in outcomes {
            let scenario = outcome.scenario
            let head = [
                "\(scenario.fleet.devices)", "\(scenario.fleet.seed)", scenario.fleet.model,
                Self.quoted(scenario.stream),
                scenario.mode.rawValue, "\(scenario.requests)",
            ]
            for measure in outcome.measures {
                let place = [
                    measure.baseline, "\(measure.share)", "\(measure.rate)",
                    outcome.capacity(.e2llm).map { "\($0)" } ?? "",
                    outcome.systems.first { $0.name == measure.baseline }.map { "\($0.capacity)" } ?? "",
                ]
                for (name, figures) in [("e2llm", measure.ours), (measure.baseline, measure.theirs)] {
                    let values =
                        [figures.waiting, figures.waitingP90] + figures.parts
                        + [figures.timeToFirstToken, figures.timePerOutputToken, figures.total, figures.throughput]
                    lines.append((head + place + [name] + values.map { "\($0)" }).joined(separator: ","))
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
