import Domain
import Foundation
import Inference

/// The figures of a run with where they come from.
struct EngineReport: Encodable {
    var figures: EngineFigures
    var file: String
    var time: Date

    private enum CodingKeys: String, CodingKey {
        case file, version
        case time = "measured_at"
    }

    func encode(to encoder: any Encoder) throws {
        try figures.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(file, forKey: .file)
        try container.encode(ProductVersion.number, forKey: .version)
        try container.encode(time.ISO8601Format(), forKey: .time)
    }

    /// For people.
    var text: String {
        let types = figures.types.sorted { $0.value > $1.value }.map { "\($0.key) \(megabytes($0.value))" }
        var parts = [
            TextTable.format([
                ["model", "\(figures.model) (\(figures.architecture); \(types.joined(separator: ", ")))"],
                ["engine", "\(figures.threads) threads, \(figures.instructionSet), KV \(figures.kvType.rawValue)"],
                [
                    "memory",
                    "weights \(megabytes(figures.weightBytes)), KV \(megabytes(figures.kvBytes)), scratch "
                        + "\(megabytes(figures.scratchBytes)), resident at most \(megabytes(figures.peakResidentBytes))",
                ],
                ["loaded in", "\(number(figures.loadSeconds, 2)) s"],
                [
                    "limits",
                    "\(number(figures.peakGMACs, 0)) GMAC/s of int8, reading \(number(figures.readGBPerSecond, 1)) GB/s",
                ],
            ])
        ]
        parts.append(TextTable.format(times))
        if let matrices = figures.matrices { parts.append(TextTable.format(table(matrices))) }
        return parts.joined(separator: "\n\n")
    }

    private var times: [[String]] {
        var rows = [["", "tokens/s", "ms per step", "GMAC/s", "of peak", "GB/s of weights", "of bandwidth"]]
        if let rate = figures.prefillTokensPerSecond, let gmacs = figures.prefillGMACs {
            rows.append([
                "prefill \(figures.promptTokens)", number(rate, 1), "", number(gmacs, 1),
                percent(figures.prefillShareOfPeak), "", "",
            ])
        }
        for entry in figures.decode {
            rows.append([
                "decode, batch \(entry.batch), context \(entry.context)", number(entry.tokensPerSecond, 1),
                number(entry.stepMilliseconds, 2), number(entry.gmacs, 1), percent(entry.shareOfPeak),
                number(entry.weightGBPerSecond, 1), percent(entry.shareOfRead),
            ])
        }
        return rows
    }

    private func table(_ matrices: [MatrixFigures]) -> [[String]] {
        [["matrix product", "type", "outputs x inputs", "rows", "GMAC/s", "of peak", "GB/s of weights"]]
            + matrices.map {
                [
                    $0.tensor, $0.type, "\($0.outputs) x \($0.inputs)", "\($0.rows)", number($0.gmacs, 1),
                    percent($0.shareOfPeak), number($0.weightGBPerSecond, 1),
                ]
            }
    }

    private func megabytes(_ bytes: Int) -> String { number(Double(bytes) / 1e6, 1) + " MB" }
    private func percent(_ share: Double?) -> String { share.map { number($0 * 100, 0) + " %" } ?? "" }
    private func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
