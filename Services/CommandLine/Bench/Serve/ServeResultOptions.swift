import ArgumentParser
import Foundation

/// What is told of the run.
struct ServeResultOptions: ParsableArguments {
    @Option(help: "Measures that are told, of ttft, tpot, itl and e2el.")
    var percentileMetrics: String = "ttft,tpot,itl,e2el"
    @Option(help: "Percentiles of each measure.") var metricPercentiles: String = "99"
    @Option(
        parsing: .upToNextOption,
        help: "Limits in milliseconds by which requests count as good ones: ttft:500 tpot:100 itl:... e2el:...")
    var goodput: [String] = []
    @Flag(help: "Write the figures into a file.") var saveResult = false
    @Flag(help: "Write the figures of every request, too.") var saveDetailed = false
    @Option(help: "The folder of that file; default: this one.") var resultDir: String?
    @Option(help: "Its name; default: of backend, rate, model and time.") var resultFilename: String?
    @Option(help: "A name of the run in its file.") var label: String?
    @Option(name: .customLong("metadata"), parsing: .upToNextOption, help: "More keys of the file, as KEY=VALUE.")
    var pairs: [String] = []
    @Flag(help: "Do not tell how many requests have ended.") var disableTqdm = false
    @Flag(help: "Print the file's JSON.") var json = false

    /// The figures that are told.
    func selection() throws -> ServeSelection {
        let metrics = try percentileMetrics.split(separator: ",", omittingEmptySubsequences: false).map {
            try Self.metric($0, "--percentile-metrics")
        }
        let percentiles = try metricPercentiles.split(separator: ",", omittingEmptySubsequences: false).map { text in
            let trimmed = text.trimmingCharacters(in: .whitespaces)
            guard let value = Double(trimmed), (0...100).contains(value) else {
                throw Failure(.usage, "--metric-percentiles: \(text) is no number from 0 to 100")
            }
            return value
        }
        let objectives = try goodput.map { text in
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let limit = Double(parts[1]), limit >= 0, limit.isFinite else {
                throw Failure(.usage, "--goodput: \(text) is not of the form ttft:500")
            }
            return ServeObjective(metric: try Self.metric(parts[0], "--goodput"), milliseconds: limit)
        }
        guard Set(objectives.map(\.metric)).count == objectives.count else {
            throw Failure(.usage, "--goodput names a measure twice")
        }
        return ServeSelection(
            metrics: metrics, percentiles: percentiles, goodput: objectives, isDetailed: saveDetailed)
    }

    /// Where the file goes; `nil` without a file.
    func output() throws -> ServeResultFile? {
        guard saveResult || saveDetailed else {
            guard resultDir == nil, resultFilename == nil else {
                throw Failure(
                    .usage, "--result-dir and --result-filename say where --save-result writes, which is missing")
            }
            return nil
        }
        if let resultDir {
            do {
                try FileManager.default.createDirectory(atPath: resultDir, withIntermediateDirectories: true)
            } catch {
                throw Failure(.failed, "--result-dir: \(resultDir) cannot be made: \(error.localizedDescription)")
            }
        }
        return ServeResultFile(folder: resultDir, name: resultFilename)
    }

    /// More keys of the file.
    func metadata() throws -> [String: String] {
        var result: [String: String] = [:]
        for text in pairs {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                throw Failure(.usage, "--metadata: \(text) is not of the form KEY=VALUE")
            }
            result[String(parts[0])] = String(parts[1])
        }
        return result
    }

    private static func metric(_ text: Substring, _ option: String) throws -> ServeMetric {
        guard let metric = ServeMetric(rawValue: text.trimmingCharacters(in: .whitespaces)) else {
            let known = ServeMetric.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.usage, "\(option): \(text.isEmpty ? "an empty name" : "\(text)") is none of \(known)")
        }
        return metric
    }
}

/// Which figures are told.
struct ServeSelection: Sendable, Hashable {
    /// The measures.
    var metrics: [ServeMetric] = ServeMetric.allCases
    /// The percentiles of each.
    var percentiles: [Double] = [99]
    /// Limits of good requests.
    var goodput: [ServeObjective] = []
    /// Whether every request is told.
    var isDetailed = false
}

/// Where the figures are written.
struct ServeResultFile: Sendable, Hashable {
    /// The folder; `nil`: the current one.
    var folder: String?
    /// The name; `nil`: made of the run.
    var name: String?

    /// Writes the figures and returns the path.
    func write(_ result: ServeResult) throws -> String {
        let name = name ?? result.defaultName
        let path = folder.map { "\($0)/\(name)" } ?? name
        try OutputFile.write(try JSONOutput.text(result) + "\n", to: path)
        return path
    }
}
